#include "dhcp/offer_styles.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace slipway::dhcp {
namespace {

OfferStyle other(OfferStyle style) {
  return style == OfferStyle::direct ? OfferStyle::binl : OfferStyle::direct;
}

// An odd constant with bits throughout (2^64 / golden ratio, as Knuth's multiplicative hash has
// it).
constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15U;

}  // namespace

OfferStyle first_style(Arch arch) {
  return arch == Arch::bios ? OfferStyle::direct : OfferStyle::binl;
}

bool is_firmware_pxe(const Client& client) { return !client.ipxe && client.arch != Arch::http_x64; }

std::string_view name_of(OfferStyle style) {
  switch (style) {
    case OfferStyle::automatic: return "auto";
    case OfferStyle::binl: return "binl";
    case OfferStyle::direct: return "direct";
    case OfferStyle::leased: return "leased";
  }
  return {};
}

OfferStyle OfferStyles::choose(const Client& client, const Ask& ask, BootPolicy& policy) {
  const auto wish = policy.offer_style(client);
  if (wish != OfferStyle::automatic) return wish;
  const auto since = waits_since(ask.mac);
  if (since && policy.has_fetched(ask.mac, *since)) went_on(ask.mac);
  return next(ask);
}

std::optional<TimePoint> OfferStyles::waits_since(const Mac& mac) const {
  const auto* slot = find(mac);
  if (slot == nullptr || slot->went_on) return std::nullopt;
  return slot->offered;
}

OfferStyle OfferStyles::next(const Ask& ask) const {
  const auto* slot = find(ask.mac);
  if (slot == nullptr || slot->arch != ask.arch) return first_style(ask.arch);
  const auto begin = slot->worked == OfferStyle::automatic ? first_style(ask.arch) : slot->worked;
  if (slot->went_on) return begin;
  const auto since = ask.now - slot->offered;
  if (since < kSameOffer) return slot->current;
  return slot->xid == ask.xid || since < kSameTrouble ? other(slot->current) : begin;
}

bool OfferStyles::offered(const Ask& ask, OfferStyle style) {
  auto& slot = slot_for(ask.mac);
  const bool known = slot.mac == ask.mac && slot.current != OfferStyle::automatic;
  if (!known || slot.arch != ask.arch) slot = {.mac = ask.mac, .arch = ask.arch};
  const auto before = slot.current;
  // Copies of one request must not put the change off for ever.
  const bool copy = before == style && !slot.went_on && ask.now - slot.offered < kSameOffer;
  if (!copy) slot.offered = ask.now;
  slot.current = style;
  slot.xid = ask.xid;
  slot.went_on = false;
  return before != OfferStyle::automatic && before != style;
}

void OfferStyles::went_on(const Mac& mac) {
  auto* slot = find(mac);
  if (slot == nullptr) return;
  slot->went_on = true;
  slot->worked = slot->current;
}

OfferStyle OfferStyles::worked(const Mac& mac) const {
  const auto* slot = find(mac);
  return slot == nullptr ? OfferStyle::automatic : slot->worked;
}

std::size_t OfferStyles::place(const Mac& mac) const {
  std::uint64_t key = seed_;
  for (const auto octet : mac.octets) key = (key << 8U | key >> 56U) ^ octet;
  key = (key ^ seed_ >> 16U) * kMix;  // each octet reaches the upper half, which chooses
  key = (key ^ key >> 32U) * kMix;
  return (key >> 32U) % kSets;
}

const OfferStyles::Slot* OfferStyles::find(const Mac& mac) const {
  const auto& set = sets_[place(mac)];
  const auto* found = std::ranges::find_if(set, [&](const Slot& slot) {
    return slot.mac == mac && slot.current != OfferStyle::automatic;
  });
  return found == set.end() ? nullptr : found;
}

OfferStyles::Slot* OfferStyles::find(const Mac& mac) {
  return const_cast<Slot*>(std::as_const(*this).find(mac));
}

// The client's own, or the one that is missed least: free, then without experience, then oldest.
OfferStyles::Slot& OfferStyles::slot_for(const Mac& mac) {
  if (auto* own = find(mac)) return *own;
  return *std::ranges::min_element(sets_[place(mac)], {}, [](const Slot& slot) {
    return std::tuple(slot.current != OfferStyle::automatic, slot.worked != OfferStyle::automatic,
                      slot.offered);
  });
}

}  // namespace slipway::dhcp
