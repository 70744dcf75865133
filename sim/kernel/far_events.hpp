// Events that are not due soon, in buckets by time: exact about which bucket is earlier, without
// any order inside one. An event is appended to a bucket, moved to a finer one perhaps, and handed
// over together with its neighbours in time. That costs the same with ten pending events as with a
// million, and it names the next few hundred events before the first of them happens, so that
// what they need can be fetched into the cache meanwhile.
//
// A bucket is named by the highest digit (6 bits each) in which its times differ from `base_`, and
// by that digit: a radix heap. Inside the kernel only.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/kernel/event_entry.hpp"
#include "traces/assert.hpp"

namespace sim::detail {

class FarEvents {
 public:
  using Bucket = std::vector<EventEntry>;

  bool empty() const { return levels_in_use_ == 0; }
  std::size_t size() const { return size_; }
  /// Whether an event at this instant belongs here: not before anything that was handed over.
  bool takes(Time time) const { return time > handed_over_; }

  void put(const EventEntry& entry) {
    const std::size_t level = level_of(entry.time);
    const std::size_t digit = digit_of(entry.time, level);
    buckets_[level][digit].push_back(entry);
    digits_in_use_[level] |= std::uint64_t{1} << digit;
    levels_in_use_ |= 1u << level;
    ++size_;
  }

  /// Takes the earliest events out, at most kBatch unless more than that are due at one instant.
  /// What is pushed from now on and is not later than the last of them does not belong here.
  template <class Take>
  void hand_over(const Take& take) {
    for (;;) {
      const auto level = static_cast<std::size_t>(std::countr_zero(levels_in_use_));
      const auto digit = static_cast<std::size_t>(std::countr_zero(digits_in_use_[level]));
      Bucket bucket = take_bucket(level, digit);
      if (bucket.size() > kBatch && level != 0) {
        const unsigned shift = static_cast<unsigned>(level) * kDigitBits;
        base_.ns = bucket.front().time.ns >> shift << shift;
        for (const EventEntry& entry : bucket) put(entry);
        keep(level, digit, std::move(bucket));
        continue;
      }
      for (const EventEntry& entry : bucket) base_ = std::max(base_, entry.time);
      handed_over_ = base_;
      take(bucket);
      keep(level, digit, std::move(bucket));
      return;
    }
  }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t level = 0; level < kLevels; ++level) {
      for (std::uint64_t left = digits_in_use_[level]; left != 0; left &= left - 1) {
        const auto digit = static_cast<std::size_t>(std::countr_zero(left));
        for (const EventEntry& entry : buckets_[level][digit]) visit(entry);
      }
    }
  }

  /// Drops every entry for which `drop` returns true.
  template <class Drop>
  void erase_if(const Drop& drop) {
    for (std::size_t level = 0; level < kLevels; ++level) {
      for (std::uint64_t left = digits_in_use_[level]; left != 0; left &= left - 1) {
        const auto digit = static_cast<std::size_t>(std::countr_zero(left));
        Bucket& bucket = buckets_[level][digit];
        size_ -= std::erase_if(bucket, drop);
        if (bucket.empty()) unmark(level, digit);
      }
    }
  }

 private:
  static constexpr unsigned kDigitBits = 6;
  static constexpr std::size_t kLevels = 11;  // 63 bits of time
  static constexpr std::size_t kBatch = 512;
  /// A bucket with more room than this gives it back when it is emptied.
  static constexpr std::size_t kRoom = 4 * kBatch;

  std::size_t level_of(Time time) const {
    const auto differing = static_cast<std::uint64_t>(time.ns ^ base_.ns);
    return static_cast<std::size_t>(std::bit_width(differing | 1) - 1) / kDigitBits;
  }
  static std::size_t digit_of(Time time, std::size_t level) {
    return static_cast<std::uint64_t>(time.ns) >> (level * kDigitBits) & 63;
  }
  void unmark(std::size_t level, std::size_t digit) {
    digits_in_use_[level] &= ~(std::uint64_t{1} << digit);
    if (digits_in_use_[level] == 0) levels_in_use_ &= ~(1u << level);
  }
  Bucket take_bucket(std::size_t level, std::size_t digit) {
    HVSIM_ASSERT(!empty(), "no far event to hand over");
    unmark(level, digit);
    Bucket bucket = std::move(buckets_[level][digit]);
    size_ -= bucket.size();
    return bucket;
  }
  void keep(std::size_t level, std::size_t digit, Bucket bucket) {
    if (bucket.capacity() > kRoom) return;
    bucket.clear();
    buckets_[level][digit] = std::move(bucket);
  }

  std::array<std::array<Bucket, 64>, kLevels> buckets_;
  std::array<std::uint64_t, kLevels> digits_in_use_{};
  std::uint32_t levels_in_use_ = 0;
  std::size_t size_ = 0;
  Time base_{};           // no later than any event here
  Time handed_over_{-1};  // of the latest event that was; everything here is later
};

}  // namespace sim::detail
