#include "provisioning/profile_host.hpp"

namespace slipway::provisioning {
namespace {

// Device names change between boots, but a rule may still name one for lack of anything better.
FieldReader device(std::string& target) {
  return shaped(text_like("^/dev/"), [&target](const Value& value, Mistakes& mistakes) {
    const auto text = require_text(value, mistakes);
    if (!text) return;
    if (text->starts_with("/dev/")) {
      target = *text;
    } else {
      mistakes.push_back({value.mark, shown(value) + " is no device; write /dev/..."});
    }
  });
}

FieldReader maybe(std::optional<bool>& target) {
  return shaped(shape_of(Shape::Kind::flag), [&target](const Value& value, Mistakes& mistakes) {
    bool said = false;
    const auto before = mistakes.size();
    flag(said)(value, mistakes);
    if (mistakes.size() == before) target = said;
  });
}

std::vector<Field> condition_fields(DiskCondition& condition) {
  return {{"type", one_of<std::string>(condition.type, {{"nvme", "nvme"},
                                                        {"ssd", "ssd"},
                                                        {"hdd", "hdd"},
                                                        {"mmc", "mmc"},
                                                        {"virtio", "virtio"}})},
          {"min_size", size(condition.min_octets)},
          {"max_size", size(condition.max_octets)},
          {"model", text(condition.model)},
          {"serial", text(condition.serial)},
          {"wwn", text(condition.wwn)},
          {"path", device(condition.path)},
          {"rotational", maybe(condition.rotational)}};
}

// Virtual disks turn as their host says.
bool turns_otherwise(const DiskCondition& condition) {
  if (!condition.rotational || condition.type.empty() || condition.type == "virtio") return false;
  return *condition.rotational != (condition.type == "hdd");
}

void read_condition(const Value& value, std::vector<DiskCondition>& rule, Mistakes& mistakes) {
  DiskCondition condition;
  read_fields(value, "a disk condition", condition_fields(condition), mistakes);
  if (condition.max_octets != 0 && condition.max_octets < condition.min_octets) {
    mistakes.push_back(
        {value.find("max_size")->mark, "max_size is below min_size: no disk can match"});
  }
  if (turns_otherwise(condition)) {
    mistakes.push_back({value.find("rotational")->mark,
                        "of type " + condition.type + " no disk is" +
                            (condition.type == "hdd" ? " without rotation" : " rotational") +
                            ": no disk can match"});
  }
  rule.push_back(std::move(condition));
}

}  // namespace

FieldReader marked(Mark& mark, FieldReader read) {
  auto shape = read.shape();
  return shaped(std::move(shape),
                [&mark, read = std::move(read)](const Value& value, Mistakes& mistakes) {
                  mark = value.mark;
                  read(value, mistakes);
                });
}

FieldReader requirements(ProfileDraft& draft) {
  auto& target = draft.profile.requirements;
  auto firmware = one_of<Firmware>(
      target.firmware,
      {{"any", Firmware::any}, {"bios", Firmware::bios}, {"uefi", Firmware::uefi}});
  auto secure_boot = one_of<SecureBoot>(
      target.secure_boot,
      {{"any", SecureBoot::any}, {"on", SecureBoot::on}, {"off", SecureBoot::off}});
  return nested(
      "requirements",
      {{"memory", size(target.memory_octets)},
       {"cpus", count(target.cpus)},
       {"disk", size(target.disk_octets)},
       {"firmware", marked(draft.firmware_mark, std::move(firmware))},
       {"secure_boot", marked(draft.secure_boot_mark, std::move(secure_boot))},
       {"tpm", one_of<bool>(target.tpm, {{"any", false}, {"present", true}})},
       {"nic_speed", count(target.nic_speed_mbit)},
       {"disk_health", one_of<bool>(target.healthy_disk, {{"any", false}, {"good", true}})}});
}

void check_requirements(const ProfileDraft& draft, Mistakes& mistakes) {
  const auto& needs = draft.profile.requirements;
  if (needs.secure_boot != SecureBoot::on || needs.firmware != Firmware::bios) return;
  mistakes.push_back({draft.secure_boot_mark,
                      "Secure Boot is a part of UEFI, and the firmware asked for is bios; no host "
                      "has both"});
}

FieldReader disk(Profile& profile) {
  DiskCondition any;
  auto condition = shaped(
      map_of(condition_fields(any)),
      [&profile](const Value& entry, Mistakes& out) { read_condition(entry, profile.disk, out); });
  auto pick = one_of<DiskPick>(profile.pick,
                               {{"largest", DiskPick::largest}, {"smallest", DiskPick::smallest}});
  auto erase = one_of<Erase>(
      profile.erase,
      {{"none", Erase::none}, {"discard", Erase::discard}, {"secure", Erase::secure}});
  return nested("disk", {{"select", each_of(std::move(condition))},
                         {"pick", std::move(pick)},
                         {"erase", std::move(erase)},
                         {"new_guids", flag(profile.new_guids)},
                         {"grow", flag(profile.grow)}});
}

FieldReader burn_in(BurnIn& target) {
  return nested("burn_in", {{"memory", duration(target.memory)},
                            {"disk_read", duration(target.disk_read)},
                            {"cpu", duration(target.cpu)}});
}

}  // namespace slipway::provisioning
