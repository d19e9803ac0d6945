// Batches and boxes in the store: their steps, and what is read for reports.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/json.hpp"
#include "provisioning/store_steps.hpp"

namespace slipway::provisioning {
namespace {

namespace json = boost::json;
using store_detail::each_row;
using store_detail::one_row;
using store_detail::run;
using Text = std::string;
using Number = long long;

// Rules hold no line breaks (parse_allow_rule).
std::string rules_text(const std::vector<AllowRule>& rules) {
  std::string text;
  for (const auto& rule : rules) text += text_of(rule) + "\n";
  return text;
}

std::vector<AllowRule> rules_of(std::string_view text) {
  std::vector<AllowRule> rules;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto rule = parse_allow_rule(text.substr(0, end));
    if (rule) rules.push_back(*rule);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rules;
}

std::string macs_text(const Box& box) {
  std::string text;
  for (const auto& mac : box.macs) text += (text.empty() ? "" : " ") + mac.text();
  return text;
}

std::vector<Mac> macs_of(std::string_view text) {
  std::vector<Mac> macs;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (const auto mac = Mac::parse(text.substr(0, end))) macs.push_back(*mac);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return macs;
}

std::string tags_text(const Box& box) {
  json::object tags;
  for (const auto& [key, value] : box.tags) tags[key] = value;
  return json::serialize(tags);
}

std::vector<std::pair<std::string, std::string>> tags_of(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> tags;
  const auto document = parse_json(text);
  if (!document || !document->is_object()) return tags;
  for (const auto& [key, value] : document->get_object()) {
    if (value.is_string()) tags.emplace_back(key, value.get_string().c_str());
  }
  return tags;
}

// `clock_ms`: what the kept clock shows.
std::vector<Batch> load_batches(soci::session& sql, const Now& now, std::int64_t clock_ms) {
  std::vector<Batch> batches;
  const auto take = [&](const auto& row) {
    Batch batch;
    Text kind;
    Text rules;
    Number remaining = 0;
    Number counted_from = 0;
    std::tie(batch.id, batch.profile, kind, rules, batch.who, batch.why, batch.opened_ms, remaining,
             counted_from, batch.closed_ms, batch.closed_by) = row;
    batch.kind = kind == name_of(BatchKind::sites) ? BatchKind::sites : BatchKind::hosts;
    batch.rules = rules_of(rules);
    batch.expires = now.steady + std::chrono::seconds(remaining) -
                    std::chrono::milliseconds(std::max(clock_ms - counted_from, Number{0}));
    batches.push_back(std::move(batch));
  };
  each_row<Text, Text, Text, Text, Text, Text, Number, Number, Number, Number, Text>(
      sql,
      "SELECT id, profile, kind, rules, who, why, opened_ms, remaining_seconds, counted_from_ms, "
      "closed_ms, closed_by FROM batches ORDER BY opened_ms, id",
      take);
  return batches;
}

BatchSlot slot_of(Number number, Text site, Text host, Number arming, Number taken_ms) {
  return {.number = number,
          .site = std::move(site),
          .host = std::move(host),
          .arming = arming,
          .taken_ms = taken_ms};
}

void load_slots(soci::session& sql, std::vector<Batch>& batches) {
  std::map<std::string_view, Batch*> by_id;
  for (auto& batch : batches) by_id[batch.id] = &batch;
  each_row<Text, Number, Text, Text, Number, Number>(
      sql,
      "SELECT batch, number, site, host, arming, taken_ms FROM batch_slots ORDER BY batch, number",
      [&](const auto& row) {
        const auto& [id, number, site, host, arming, taken_ms] = row;
        by_id.at(id)->slots.push_back(slot_of(number, site, host, arming, taken_ms));
      });
}

// The hosts that `hosts` selects, which takes the parameter :1.
History load_history(soci::session& sql, const std::string& hosts, const std::string& parameter) {
  History history;
  const auto take_arming = [&](const auto& row) {
    ArmingRow arming;
    Text macs;
    Text digest;
    Text tags;
    auto& box = arming.box;
    std::tie(arming.id, arming.host, arming.who, arming.profile, arming.armed_ms, arming.ended_ms,
             arming.ended_why, box.name, macs, box.uuid, box.serial, box.edge_id, box.site,
             box.image, digest, tags) = row;
    box.macs = macs_of(macs);
    box.image_digest = Sha256::parse(digest).value_or(Sha256{});
    box.tags = tags_of(tags);
    history.armings.push_back(std::move(arming));
  };
  each_row<Number, Text, Text, Text, Number, Number, Text, Text, Text, Text, Text, Text, Text, Text,
           Text, Text>(
      sql,
      "SELECT a.id, a.host, a.who, a.profile, a.armed_ms, a.ended_ms, a.ended_why, "
      "coalesce(b.name, ''), coalesce(b.macs, ''), coalesce(b.uuid, ''), coalesce(b.serial, ''), "
      "coalesce(b.edge_id, ''), coalesce(b.site, ''), coalesce(b.image, ''), "
      "coalesce(b.image_digest, ''), coalesce(b.tags, '') "
      "FROM armings a LEFT JOIN boxes b ON b.arming = a.id WHERE a.host IN (" +
          hosts + ") ORDER BY a.revision, a.id",
      take_arming, parameter);
  const auto take_attempt = [&](const auto& row) {
    AttemptRow attempt;
    std::tie(attempt.id, attempt.arming, attempt.state, attempt.reason, attempt.detail,
             attempt.report_json, attempt.started_ms, attempt.ended_ms) = row;
    history.attempts.push_back(std::move(attempt));
  };
  each_row<Number, Number, Text, Text, Text, Text, Number, Number>(
      sql,
      "SELECT id, arming, state, reason, detail, report, started_ms, ended_ms FROM attempts "
      "WHERE host IN (" +
          hosts + ") ORDER BY revision, id",
      take_attempt, parameter);
  return history;
}

}  // namespace

namespace store_detail {

void apply_step(StepContext& context, const AddBatch& step) {
  context.tell_time(step.steady);
  const auto& batch = step.batch;
  run(context.sql,
      "INSERT INTO batches (id, profile, kind, rules, who, why, opened_ms, remaining_seconds, "
      "counted_from_ms) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9)",
      batch.id, batch.profile, name_of(batch.kind), rules_text(batch.rules), batch.who, batch.why,
      batch.opened_ms, step.remaining_seconds, context.head.clock_ms);
  for (const auto& slot : batch.slots) {
    run(context.sql, "INSERT INTO batch_slots (batch, number, site, host) VALUES (:1, :2, :3, :4)",
        batch.id, slot.number, slot.site, slot.host);
  }
  context.record({.what = "batch " + batch.id + " opened"},
                 {.who = batch.who, .why = batch.why, .at_ms = batch.opened_ms});
}

void apply_step(StepContext& context, const ClaimSlot& step) {
  must_change(
      run(context.sql,
          "UPDATE batch_slots SET host = :1, arming = :2, taken_ms = :3 "
          "WHERE batch = :4 AND number = :5 AND arming = 0 AND (host = '' OR host = :6) "
          "AND EXISTS (SELECT 1 FROM batches WHERE id = :7 AND closed_ms = 0)",
          step.host, step.arming, step.at_ms, step.batch, step.number, step.host, step.batch),
      "place " + std::to_string(step.number) + " of batch " + step.batch);
}

void apply_step(StepContext& context, const CloseBatch& step) {
  must_change(
      run(context.sql,
          "UPDATE batches SET closed_ms = :1, closed_by = :2 WHERE id = :3 AND closed_ms = 0",
          step.at_ms, step.who, step.batch),
      "batch " + step.batch);
  context.record({.what = "batch " + step.batch + " closed"},
                 {.who = step.who, .why = "", .at_ms = step.at_ms});
}

void apply_step(StepContext& context, const KeepBox& step) {
  const auto& box = step.box;
  run(context.sql, "DELETE FROM boxes WHERE arming = :1", step.arming);
  run(context.sql,
      "INSERT INTO boxes (arming, name, macs, uuid, serial, edge_id, site, image, image_digest, "
      "tags) VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10)",
      step.arming, box.name, macs_text(box), box.uuid, box.serial, box.edge_id, box.site, box.image,
      box.image_digest, tags_text(box));
}

std::vector<Batch> read_batches(soci::session& sql, const Now& now, std::int64_t clock_ms) {
  auto batches = load_batches(sql, now, clock_ms);
  load_slots(sql, batches);
  return batches;
}

}  // namespace store_detail

Fallible<std::vector<Batch>> Store::batches(const Now& now) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto& sql = database_->sql;
  try {
    std::tuple<Number> clock_ms{0};
    one_row(sql, std::string("SELECT ") + database_->dialect.clock + " FROM audit_head", clock_ms);
    return store_detail::read_batches(sql, now, std::get<0>(clock_ms));
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading the batches of"));
  }
}

Fallible<History> Store::history_of_batch(const std::string& batch) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  auto& sql = database_->sql;
  try {
    auto history =
        load_history(sql, "SELECT host FROM batch_slots WHERE batch = :1 AND arming <> 0", batch);
    each_row<Number, Text, Text, Number, Number>(
        sql,
        "SELECT number, site, host, arming, taken_ms FROM batch_slots WHERE batch = :1 "
        "ORDER BY number",
        [&](const auto& row) { history.slots.push_back(std::apply(slot_of, row)); }, batch);
    each_row<Number>(
        sql, "SELECT arming FROM batch_slots WHERE arming <> 0 AND batch <> :1",
        [&](const auto& row) { history.of_other_batches.insert(std::get<0>(row)); }, batch);
    return history;
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading a batch of"));
  }
}

Fallible<History> Store::history_of_hosts(HostState state) {
  if (const auto connected = connect(); !connected) return std::unexpected(connected.error());
  try {
    return load_history(database_->sql, "SELECT id FROM hosts WHERE state = :1",
                        std::string(name_of(state)));
  } catch (const soci::soci_error& error) {
    return std::unexpected(failed(error, "reading the hosts of"));
  }
}

}  // namespace slipway::provisioning
