#include "hypervisor/vmbus/gpadl.hpp"

#include <algorithm>

#include "hypervisor/vmbus/ranges.hpp"

namespace vmbus {

using traces::GpadlState;

std::uint32_t Gpadl::announced_pfns() const { return range_bytes / 8u - range_count; }

std::uint32_t Gpadl::received_pfns() const {
  const auto words = static_cast<std::uint32_t>(buffer.size() / 8);
  return words > range_count ? words - range_count : 0;
}

GpadlTable::Result GpadlTable::header(std::uint32_t id, std::uint32_t relid,
                                      std::uint16_t range_bytes, std::uint16_t range_count,
                                      std::span<const std::byte> data) {
  if (id == 0 || gpadls_.contains(id)) return Result::Refused;
  // One range needs its two counts and at least one PFN.
  if (range_count == 0 || range_bytes % 8 != 0 || range_bytes < 16u * range_count) {
    return Result::Refused;
  }
  Gpadl gpadl;
  gpadl.id = id;
  gpadl.relid = relid;
  gpadl.range_bytes = range_bytes;
  gpadl.range_count = range_count;
  auto& entry = gpadls_.emplace(id, std::move(gpadl)).first->second;
  return extend(entry, data);
}

GpadlTable::Result GpadlTable::body(std::uint32_t id, std::span<const std::byte> data) {
  Gpadl* gpadl = find(id);
  if (gpadl == nullptr || gpadl->state != GpadlState::InProgress) return Result::Ignored;
  return extend(*gpadl, data);
}

GpadlTable::Result GpadlTable::extend(Gpadl& gpadl, std::span<const std::byte> data) {
  data = data.first(data.size() & ~std::size_t{7});
  const bool too_much = data.size() > gpadl.range_bytes - gpadl.buffer.size();
  if (!too_much) {
    gpadl.buffer.insert(gpadl.buffer.end(), data.begin(), data.end());
    if (gpadl.buffer.size() < gpadl.range_bytes) {
      change(gpadl, GpadlState::InProgress);
      return Result::Incomplete;
    }
  }
  if (too_much || !resolve(gpadl)) {
    if (gpadl.state != GpadlState::None) change(gpadl, GpadlState::None);
    gpadls_.erase(gpadl.id);
    return Result::Refused;
  }
  sim::Node& host = partition_.node();
  if (host.world().plant(host, "vmbus.forgets-last-page"))
    gpadl.buffer.resize(gpadl.range_bytes - 8u);
  change(gpadl, GpadlState::Offered);
  change(gpadl, GpadlState::Accepted);
  return Result::Accepted;
}

bool GpadlTable::resolve(Gpadl& gpadl) {
  std::size_t used = 0;
  auto ranges = parse_ranges(gpadl.buffer, gpadl.range_count, &used);
  if (!ranges || used != gpadl.buffer.size()) return false;
  for (const GpaRange& range : *ranges) {
    for (const std::uint64_t pfn : range.pfns) {
      if (!partition_.gpa_map().ram({pfn})) return false;
    }
  }
  gpadl.ranges = std::move(*ranges);
  return true;
}

Gpadl* GpadlTable::find(std::uint32_t id) {
  const auto it = gpadls_.find(id);
  return it == gpadls_.end() ? nullptr : &it->second;
}

const Gpadl* GpadlTable::accepted(std::uint32_t id, std::uint32_t relid) {
  const Gpadl* gpadl = find(id);
  const bool usable =
      gpadl != nullptr && gpadl->relid == relid && gpadl->state == GpadlState::Accepted;
  return usable ? gpadl : nullptr;
}

void GpadlTable::tearing_down(Gpadl& gpadl) { change(gpadl, GpadlState::TearingDown); }

void GpadlTable::remove(std::uint32_t id) {
  Gpadl* gpadl = find(id);
  if (gpadl == nullptr) return;
  change(*gpadl, GpadlState::None);
  gpadls_.erase(id);
}

void GpadlTable::release(std::uint32_t relid) {
  for (auto it = gpadls_.begin(); it != gpadls_.end();) {
    if (it->second.relid == relid) {
      change(it->second, GpadlState::None);
      it = gpadls_.erase(it);
    } else {
      ++it;
    }
  }
}

void GpadlTable::clear() {
  for (auto& [id, gpadl] : gpadls_) change(gpadl, GpadlState::None);
  gpadls_.clear();
}

void GpadlTable::change(Gpadl& gpadl, GpadlState to) {
  if (gpadl.state == to && to != GpadlState::InProgress) return;
  traces::ev::VmbusGpadl event;
  event.partition = partition_.id().value;
  event.relid = gpadl.relid;
  event.gpadl = gpadl.id;
  event.from = gpadl.state;
  event.to = to;
  event.announced = gpadl.announced_pfns();
  event.received = gpadl.received_pfns();
  gpadl.state = to;
  // A further body that still leaves some missing is no change of state.
  if (event.from != to) partition_.node().world().emit(partition_.node().id(), event);
}

void GpadlTable::save(traces::ByteWriter& out) const {
  out.put<std::uint64_t>(gpadls_.size());
  for (const auto& [id, gpadl] : gpadls_) {
    out.put(id);
    out.put(gpadl.relid);
    out.put(static_cast<std::uint8_t>(gpadl.state));
    out.put(gpadl.range_count);
    out.put(gpadl.range_bytes);
    out.block(gpadl.buffer);
  }
}

bool GpadlTable::restore(traces::ByteReader& in) {
  constexpr std::size_t kLeast = 4 + 4 + 1 + 2 + 2 + 8;
  const std::uint64_t count = in.count(kLeast);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto id = in.get<std::uint32_t>();
    const auto relid = in.get<std::uint32_t>();
    const auto state = static_cast<GpadlState>(in.get<std::uint8_t>());
    const auto range_count = in.get<std::uint16_t>();
    const auto range_bytes = in.get<std::uint16_t>();
    const auto buffer = in.block();
    if (!in.ok()) return false;
    const Result result = header(id, relid, range_bytes, range_count, buffer);
    switch (state) {
      case GpadlState::InProgress:
        if (result != Result::Incomplete) return false;
        break;
      case GpadlState::Accepted:
      case GpadlState::TearingDown:
        if (result != Result::Accepted) return false;
        if (state == GpadlState::TearingDown) tearing_down(*find(id));
        break;
      default:
        return false;
    }
  }
  return in.ok();
}

}  // namespace vmbus
