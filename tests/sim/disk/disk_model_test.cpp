// The disk against a plain model: what is durable, and what is on top of it until a flush.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/disk/sector_map.hpp"
#include "tests/sim/disk/disk_world.hpp"

namespace sim {
namespace {

using test::DiskWorld;
using test::sectors_of;

constexpr std::uint64_t kSectors = 600;  // five extents

struct Model {
  std::map<std::uint64_t, unsigned> durable;
  std::map<std::uint64_t, unsigned> cached;

  unsigned at(std::uint64_t lba) const {
    if (const auto c = cached.find(lba); c != cached.end()) return c->second;
    const auto d = durable.find(lba);
    return d == durable.end() ? 0 : d->second;
  }
  void flush() {
    for (const auto& [lba, value] : cached) durable[lba] = value;
    cached.clear();
  }
};

std::pair<std::uint64_t, std::size_t> any_range() {
  const auto lba = *rc::gen::inRange<std::uint64_t>(0, kSectors);
  const auto count =
      *rc::gen::inRange<std::uint64_t>(1, std::min(kSectors - lba, std::uint64_t{200}) + 1);
  return {lba, count};
}

RC_GTEST_PROP(SharedDisk, EqualsItsModelUnderAnySequenceOfRequestsAndPowerLosses, ()) {
  DiskWorld w({}, *rc::gen::arbitrary<std::uint64_t>(), kSectors);
  const bool torn = *rc::gen::arbitrary<bool>();
  if (torn) w.disk->set_faults({.torn_on_power_loss = {1, 3}});
  const std::uint64_t epoch = w.disk->open(w.a).value();
  Model model;
  const auto operations = *rc::gen::inRange(0, 40);
  for (int i = 0; i < operations; ++i) {
    const auto kind = *rc::gen::inRange(0, 10);
    if (kind < 4) {
      const auto [lba, count] = any_range();
      const auto value = *rc::gen::inRange(0u, 256u);
      RC_ASSERT(w.write(w.a, epoch, lba, sectors_of(count, value)) == DiskStatus::Ok);
      for (std::uint64_t s = lba; s < lba + count; ++s) model.cached[s] = value;
    } else if (kind < 7) {
      const auto [lba, count] = any_range();
      const auto data = w.read(lba, count);
      for (std::size_t s = 0; s < count; ++s) {
        const auto expected = sectors_of(1, model.at(lba + s));
        RC_ASSERT(std::equal(expected.begin(), expected.end(), data.begin() + s * kSectorSize));
      }
    } else if (kind < 9) {
      RC_ASSERT(w.flush(w.a, epoch) == DiskStatus::Ok);
      model.flush();
    } else {
      w.power_cycle();
      const auto data = w.read(0, kSectors);
      std::uint64_t kept = 0;
      for (const auto& [lba, value] : model.cached) {
        const auto now = static_cast<unsigned>(data[lba * kSectorSize]);
        const unsigned before = model.durable.contains(lba) ? model.durable[lba] : 0;
        RC_ASSERT(now == before || (torn && now == value));
        kept += now != before ? 1 : 0;
        model.durable[lba] = now;  // whichever it is, it is durable
      }
      RC_ASSERT(kept <= w.events.power_lost.back().kept);
      RC_ASSERT(w.events.power_lost.back().kept + w.events.power_lost.back().lost ==
                model.cached.size());
      model.cached.clear();
    }
  }
}

RC_GTEST_PROP(SharedDisk, ARequestInFlightSeesEveryWriteIssuedBeforeIt, ()) {
  DiskWorld w({}, 1, kSectors);
  const std::uint64_t epoch = w.disk->open(w.a).value();
  std::map<std::uint64_t, unsigned> reads;  // request -> writes issued before it
  unsigned writes = 0;
  const auto operations = *rc::gen::inRange(1, 30);
  for (int i = 0; i < operations; ++i) {
    w.run(Duration{*rc::gen::inRange(1, 100'000)});
    if (*rc::gen::arbitrary<bool>()) {
      w.start_write(w.a, epoch, 7, sectors_of(1, ++writes));  // the n-th write writes n
    } else {
      reads[w.start_read(w.a, 7, 1)] = writes;
    }
  }
  w.run();
  std::uint64_t previous = 0;
  Time last{-1};
  for (const auto& result : w.results) {
    RC_ASSERT(result.request > previous);
    RC_ASSERT(result.when > last);
    previous = result.request;
    last = result.when;
  }
  unsigned seen_before = 0;
  for (const auto& [request, issued] : reads) {
    const auto seen = static_cast<unsigned>(w.read_data.at(request)[0]);
    RC_ASSERT(seen >= issued);
    RC_ASSERT(seen >= seen_before);  // and what one read saw, later ones see
    RC_ASSERT(seen <= writes);
    seen_before = seen;
  }
  RC_ASSERT(w.read(7) == sectors_of(1, writes));
}

RC_GTEST_PROP(SectorMap, EqualsAPlainMap, ()) {
  disk::SectorMap map;
  std::map<std::uint64_t, unsigned> model;
  const auto operations = *rc::gen::inRange(0, 40);
  for (int i = 0; i < operations; ++i) {
    const auto [lba, count] = any_range();
    if (*rc::gen::inRange(0, 3) == 0) {
      map.erase(lba, count);
      for (std::uint64_t s = lba; s < lba + count; ++s) model.erase(s);
    } else {
      const auto value = *rc::gen::inRange(0u, 255u);
      map.write(lba, sectors_of(count, value));
      for (std::uint64_t s = lba; s < lba + count; ++s) model[s] = value;
    }
  }
  RC_ASSERT(map.count() == model.size());
  auto out = sectors_of(kSectors, 0xff);
  map.lay_over(0, out);
  for (std::uint64_t s = 0; s < kSectors; ++s) {
    const unsigned expected = model.contains(s) ? model[s] : 0xff;
    RC_ASSERT(static_cast<unsigned>(out[s * kSectorSize]) == expected);
    RC_ASSERT(static_cast<unsigned>(out[s * kSectorSize + 511]) == expected);
  }
}

}  // namespace
}  // namespace sim
