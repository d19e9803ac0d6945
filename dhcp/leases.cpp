#include "dhcp/leases.hpp"

#include <algorithm>
#include <tuple>

namespace slipway::dhcp {
namespace {

// 2^64 / golden ratio, as Knuth's multiplicative hash has it.
constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15U;
// Besides those of the pools: addresses that the inventory reserves.
constexpr std::size_t kMaxPlaces = 2 * kMaxPoolAddresses;

// Of a lease that runs for an hour all is fresh but the last part: otherwise a short one would
// never be renewed.
std::chrono::seconds fresh_for(std::chrono::seconds length) { return std::min(kFresh, length / 8); }

}  // namespace

Leases::Leases(LeaseSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)), seed_(seed) {
  for (const auto& network : settings_.networks) {
    for (const auto& range : network.ranges) {
      for (std::size_t i = 0; i < range.size() && pooled_ < kMaxPoolAddresses; ++i, ++pooled_) {
        const auto number = range.first.number() + static_cast<std::uint32_t>(i);
        slots_.emplace_back();
        holders_.push_back({.address = Ipv4::from_number(number)});
      }
    }
  }
}

const LeaseNetwork* Leases::network_at(Ipv4 address) const {
  const auto found = std::ranges::find_if(
      settings_.networks, [&](const LeaseNetwork& each) { return each.network.contains(address); });
  return found == settings_.networks.end() ? nullptr : &*found;
}

std::uint64_t Leases::key_of(const ClientId& client) const {
  std::uint64_t key = seed_;
  for (const auto octet : client.view()) key = ((key << 8U | key >> 56U) ^ octet) * kMix;
  key = (key ^ key >> 32U) * kMix;
  return key | 1U;  // 0 is nobody's
}

std::optional<std::size_t> Leases::place_of(Ipv4 address) const {
  std::size_t first = 0;
  for (const auto& network : settings_.networks) {
    for (const auto& range : network.ranges) {
      const auto place = first + (address.number() - range.first.number());
      if (range.contains(address) && place < pooled_) return place;
      first += range.size();
    }
  }
  for (auto place = pooled_; place < holders_.size(); ++place) {
    if (holders_[place].address == address) return place;
  }
  return std::nullopt;
}

// A reserved address may lie outside the pools; it gets a place when it is first asked for.
std::optional<std::size_t> Leases::place_for(Ipv4 address, const LeaseAsk& ask) {
  if (const auto place = place_of(address)) return place;
  if (ask.reserved != address || holders_.size() >= kMaxPlaces) return std::nullopt;
  slots_.emplace_back();
  holders_.push_back({.address = address});
  return holders_.size() - 1;
}

bool Leases::is_of(std::size_t place, std::uint64_t key, const ClientId& client) const {
  return slots_[place].key == key && holders_[place].client == client;
}

bool Leases::is_held(std::size_t place, TimePoint now) const {
  const auto& slot = slots_[place];
  const bool kind = slot.state == State::leased || slot.state == State::declined;
  return slot.pending || (kind && now < slot.until);
}

bool Leases::is_open_to(std::size_t place, const LeaseAsk& ask, BootPolicy& policy) const {
  const auto& holder = holders_[place];
  const bool reserved = ask.reserved == holder.address;
  if (!reserved && policy.is_reserved(holder.address)) return false;
  const auto& own = settings_.own;
  if (std::ranges::find(own, holder.address) != own.end()) return false;
  if (!is_held(place, ask.now.steady)) return true;
  if (slots_[place].pending || slots_[place].state == State::declined) return false;
  // The machine that it is reserved for may call itself otherwise than it did: firmware, then a
  // system with an identifier of its own.
  return is_of(place, key_of(ask.client), ask.client) || (reserved && holder.mac == ask.mac);
}

std::optional<std::size_t> Leases::own_place(const LeaseAsk& ask,
                                             const LeaseNetwork& network) const {
  const auto now = ask.now.steady;
  const auto key = key_of(ask.client);
  const auto rank = [&](std::size_t place) {
    const auto& slot = slots_[place];
    const bool alive = now < slot.until;
    return std::tuple(alive && slot.state == State::leased, alive && slot.state == State::offered,
                      slot.until);
  };
  std::optional<std::size_t> best;
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    if (slots_[place].key != key || !is_of(place, key, ask.client)) continue;
    if (!network.network.contains(holders_[place].address)) continue;
    if (!best || rank(place) > rank(*best)) best = place;
  }
  return best;
}

// One that nobody had; else the one whose lease is over longest; else the oldest offer.
std::optional<std::size_t> Leases::free_place(const LeaseAsk& ask, const LeaseNetwork& network,
                                              BootPolicy& policy) const {
  const auto start = (key_of(ask.client) >> 32U) % std::max<std::size_t>(pooled_, 1);
  const auto rank = [&](std::size_t place) {
    const auto& slot = slots_[place];
    const bool offered = slot.state == State::offered && ask.now.steady < slot.until;
    return std::tuple(slot.state != State::unused, offered, slot.until);
  };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < pooled_; ++i) {
    const auto place = (start + i) % pooled_;
    if (is_held(place, ask.now.steady) || (best && rank(place) >= rank(*best))) continue;
    if (!network.network.contains(holders_[place].address)) continue;
    if (!is_open_to(place, ask, policy)) continue;
    best = place;
    if (slots_[place].state == State::unused) break;
  }
  return best;
}

std::optional<std::size_t> Leases::choose(const LeaseAsk& ask, const LeaseNetwork& network,
                                          BootPolicy& policy) {
  if (ask.reserved && network.network.contains(*ask.reserved)) {
    const auto place = place_for(*ask.reserved, ask);
    if (place && is_open_to(*place, ask, policy)) return place;
  }
  const auto own = own_place(ask, network);
  if (own && is_open_to(*own, ask, policy)) return own;
  const auto wanted = place_of(ask.wanted);
  if (wanted && *wanted < pooled_ && network.network.contains(ask.wanted)) {
    const auto& slot = slots_[*wanted];
    const bool offered = slot.state == State::offered && ask.now.steady < slot.until;
    if (!offered && is_open_to(*wanted, ask, policy)) return wanted;
  }
  return free_place(ask, network, policy);
}

std::optional<Ipv4> Leases::offer(const LeaseAsk& ask, const LeaseNetwork& network,
                                  BootPolicy& policy) {
  const auto place = choose(ask, network, policy);
  if (!place) return std::nullopt;
  auto& slot = slots_[*place];
  auto& holder = holders_[*place];
  // An offer of what it holds anyway must not shorten its lease.
  if (!is_held(*place, ask.now.steady)) {
    slot = {.until = ask.now.steady + kOfferHeld,
            .key = key_of(ask.client),
            .state = State::offered,
            .pending = false};
    holder.client = ask.client;
    holder.mac = ask.mac;
  }
  return holder.address;
}

// A REQUEST for an address that is none of ours.
Claim Leases::without_place(const LeaseAsk& ask, const LeaseNetwork& network, bool selects) const {
  if (selects || !network.network.contains(ask.wanted)) return Claim::refused;
  // It has another one from us, so what it means is out of date.
  const auto own = own_place(ask, network);
  return own && is_held(*own, ask.now.steady) ? Claim::refused : Claim::unknown;
}

Claimed Leases::claim(const LeaseAsk& ask, const LeaseNetwork& network, bool selects,
                      BootPolicy& policy) {
  const bool here = network.network.contains(ask.wanted);
  const auto place = here ? place_for(ask.wanted, ask) : std::nullopt;
  if (!place) return {without_place(ask, network, selects), {}};
  auto& slot = slots_[*place];
  auto& holder = holders_[*place];
  const auto now = ask.now.steady;
  const auto key = key_of(ask.client);
  const bool own = is_of(*place, key, ask.client);
  if (slot.pending && own) return {Claim::pending, {}};
  if (!is_open_to(*place, ask, policy)) return {Claim::refused, {}};
  if (!selects && !own && ask.reserved != ask.wanted) {
    return {without_place(ask, network, selects), {}};
  }
  const bool runs = own && slot.state == State::leased && now < slot.until;
  const auto left = std::chrono::floor<std::chrono::seconds>(slot.until - now);
  if (runs && left >= settings_.length - fresh_for(settings_.length) && left.count() > 0) {
    return {Claim::repeat, std::min(left, settings_.length)};
  }
  if (!runs) {  // what was before is over; should the record not reach the disk, it is an offer
    slot.state = State::offered;
    slot.until = now + kOfferHeld;
  }
  slot.key = key;
  slot.pending = true;
  holder.client = ask.client;
  holder.mac = ask.mac;
  holder.pending_until = now + settings_.length;
  return {Claim::keep, settings_.length};
}

void Leases::kept(Ipv4 address, bool on_disk, TimePoint now) {
  const auto place = place_of(address);
  if (!place) return;
  auto& slot = slots_[*place];
  slot.pending = false;
  if (!on_disk) return;
  slot.state = State::leased;
  slot.until = holders_[*place].pending_until;
  // A client has one lease in a network; what it had before is free.
  const auto* network = network_at(address);
  for (std::size_t other = 0; other < slots_.size(); ++other) {
    const bool same = other != *place && is_of(other, slot.key, holders_[*place].client);
    if (!same || slots_[other].pending || network_at(holders_[other].address) != network) continue;
    if (slots_[other].state != State::declined)
      slots_[other].until = std::min(slots_[other].until, now);
  }
}

bool Leases::release(const ClientId& client, Ipv4 address, TimePoint now) {
  const auto place = place_of(address);
  if (!place || !is_of(*place, key_of(client), client)) return false;
  auto& slot = slots_[*place];
  if (slot.state != State::leased || slot.pending || now >= slot.until) return false;
  slot.until = now;
  return true;
}

bool Leases::decline(const ClientId& client, Ipv4 address, TimePoint now) {
  const auto place = place_of(address);
  if (!place || !is_of(*place, key_of(client), client)) return false;
  auto& slot = slots_[*place];
  const bool alive = slot.state != State::declined && now < slot.until;
  if (slot.pending || !alive) return false;
  slot.state = State::declined;
  slot.until = now + kDeclinedFor;
  return true;
}

void Leases::forget_offer(const ClientId& client, TimePoint now) {
  const auto key = key_of(client);
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    auto& slot = slots_[place];
    if (slot.state != State::offered || slot.pending || !is_of(place, key, client)) continue;
    slot.until = std::min(slot.until, now);
  }
}

void Leases::restore(const LeaseRecord& record, Moment now) {
  if (network_at(record.address) == nullptr) return;
  const auto place = place_for(record.address, {.reserved = record.address});
  if (!place) return;
  // A clock that was set back must not make a lease endless; one that was set on ends it early,
  // and its address is then given to others last.
  const auto left =
      std::clamp(std::chrono::milliseconds(record.expires_ms - now.unix_ms),
                 std::chrono::milliseconds(0), std::chrono::milliseconds(kLongestLease));
  slots_[*place] = {.until = now.steady + left,
                    .key = key_of(record.client),
                    .state = State::leased,
                    .pending = false};
  holders_[*place].client = record.client;
  holders_[*place].mac = record.mac;
}

LeaseCounts Leases::count(TimePoint now) const {
  LeaseCounts counts{.all = pooled_};
  for (const auto& slot : slots_) {
    if (now >= slot.until) continue;
    counts.leased += slot.state == State::leased ? 1 : 0;
    counts.offered += slot.state == State::offered ? 1 : 0;
    counts.declined += slot.state == State::declined ? 1 : 0;
  }
  return counts;
}

}  // namespace slipway::dhcp
