#include "scenarios/guests/model/disk_work.hpp"

#include <algorithm>
#include <vector>

#include "scenarios/guests/pattern.h"
#include "sim/disk/shared_disk.hpp"

namespace guests {

using vsp::guest::Command;
using vsp::guest::Completion;

namespace {

constexpr std::uint32_t kBlockBytes = PATTERN_BLOCK_WORDS * sizeof(std::uint64_t);
constexpr std::uint32_t kBlocksPerPage = sim::kPageSize / kBlockBytes;

using Block = std::array<std::uint64_t, PATTERN_BLOCK_WORDS>;

}  // namespace

void DiskWork::begin(std::uint64_t disk_blocks, std::uint64_t now) {
  if (plan_.blocks == 0 || plan_.blocks > disk_blocks) plan_.blocks = disk_blocks;
  slots_ = plan_.blocks / plan_.blocks_per_write;
  // Two writes of one group never meet: their order of completion would decide what stays.
  if (slots_ < plan_.flush_every) {
    return console_.panic("the disk range is too small for a group of writes");
  }
  choice_ = pattern_check(plan_.seed, slots_) | 1;
  next_write_ = now + plan_.interval;
}

std::uint64_t DiskWork::block_of(std::uint64_t sequence) const {
  return pattern_slot_of(sequence, slots_) * plan_.blocks_per_write;
}

std::uint32_t DiskWork::outstanding() const {
  return static_cast<std::uint32_t>(
      std::count_if(requests_.begin(), requests_.end(),
                    [](const Request& each) { return each.in_use && !each.done; }));
}

/// A page at a time: that is what a processor's cache would do, and what costs little.
void DiskWork::fill(std::uint32_t slot, std::uint64_t sequence) {
  std::array<Block, kBlocksPerPage> page;
  const std::uint64_t first = block_of(sequence);
  for (std::uint32_t at = 0; at < plan_.blocks_per_write; at += kBlocksPerPage) {
    const std::uint32_t count = std::min(kBlocksPerPage, plan_.blocks_per_write - at);
    for (std::uint32_t i = 0; i < count; ++i) {
      pattern_block_fill(page[i].data(), sequence, first + at + i);
    }
    pages_.write(buffer(slot) + at / kBlocksPerPage, 0,
                 std::as_bytes(std::span(page).first(count)));
  }
}

bool DiskWork::verify(std::uint32_t slot) {
  const std::uint64_t sequence = requests_[slot].sequence;
  const std::uint64_t first = block_of(sequence);
  std::array<Block, kBlocksPerPage> page;
  for (std::uint32_t i = 0; i < plan_.blocks_per_write; ++i) {
    if (i % kBlocksPerPage == 0) {
      pages_.read(buffer(slot) + i / kBlocksPerPage, 0, std::as_writable_bytes(std::span(page)));
    }
    const Block& words = page[i % kBlocksPerPage];
    if (pattern_block_holds(words.data(), sequence, first + i) != 0) continue;
    console_.value("disk block is wrong:", first + i);
    console_.value("  sequence expected:", sequence);
    console_.value("  sequence found:", words[1]);
    console_.panic("disk corruption");
    return false;
  }
  ++verified_;
  return true;
}

bool DiskWork::submit(Operation operation, std::uint64_t sequence) {
  const auto free = std::find_if(requests_.begin(), requests_.end(),
                                 [](const Request& each) { return !each.in_use; });
  if (free == requests_.end()) return false;
  const auto slot = static_cast<std::uint32_t>(free - requests_.begin());
  // The slot in the low byte, a running number above it: no tag comes twice.
  *free = Request{true, false, operation, sequence, ++transactions_ << 8 | slot};
  Command command;
  command.tag = free->tag;
  const std::uint32_t blocks = plan_.blocks_per_write;
  switch (operation) {
    case Operation::Write:
      fill(slot, sequence);
      command.cdb = vsp::guest::write_cdb(block_of(sequence), blocks);
      command.data_in = vsp::protocol::kDataToDevice;
      break;
    case Operation::Read:
      command.cdb = vsp::guest::read_cdb(block_of(sequence), blocks);
      command.data_in = vsp::protocol::kDataFromDevice;
      break;
    case Operation::Flush:
      command.cdb = vsp::guest::synchronize_cache_cdb();
      break;
  }
  if (operation != Operation::Flush) {
    command.buffer.bytes = blocks * kBlockBytes;
    const std::uint32_t pages = (blocks + kBlocksPerPage - 1) / kBlocksPerPage;
    for (std::uint32_t i = 0; i < pages; ++i) {
      command.buffer.pfns.push_back((buffer(slot) + i).value);
    }
  }
  storage_.submit(std::move(command));
  return true;
}

void DiskWork::completed(const Completion& completion) {
  const std::uint32_t slot = completion.tag & 0xFF;
  if (slot >= kMaxRequests || !requests_[slot].in_use || requests_[slot].done ||
      requests_[slot].tag != completion.tag) {
    return console_.panic("a completion that nobody asked for, transaction", completion.tag);
  }
  Request& request = requests_[slot];
  const bool moves_data = request.operation != Operation::Flush;
  const bool good = (completion.srb_status & kSrbStatusMask) == vsp::protocol::kSrbSuccess &&
                    completion.scsi_status == 0;
  if (!good) {
    console_.value("disk command failed, block", moves_data ? block_of(request.sequence) : 0);
    return console_.panic(
        "SRB and SCSI status",
        static_cast<std::uint64_t>(completion.srb_status) << 8 | completion.scsi_status);
  }
  if (completion.bytes != (moves_data ? plan_.blocks_per_write * kBlockBytes : 0)) {
    return console_.panic("the disk moved another number of bytes:", completion.bytes);
  }
  request.done = true;
}

void DiskWork::finished(std::uint32_t slot) {
  switch (requests_[slot].operation) {
    case Operation::Write:
      break;
    case Operation::Flush:
      flushed_ = requests_[slot].sequence;
      in_group_ = 0;
      break;
    case Operation::Read:
      if (!verify(slot)) return;
      state_ = State::Writing;
      break;
  }
  requests_[slot].in_use = false;
}

bool DiskWork::write_if_due(std::uint64_t now) {
  if (finishing_ || in_group_ == plan_.flush_every || now < next_write_) return false;
  if (!submit(Operation::Write, sequence_ + 1)) return false;
  ++sequence_;
  ++in_group_;
  // A slow disk is not made up for.
  next_write_ = std::max(next_write_ + plan_.interval, now);
  return true;
}

bool DiskWork::flush_if_due() {
  const bool due = in_group_ == plan_.flush_every || (finishing_ && in_group_ != 0);
  // A flush covers what was completed before it was issued, so the group must be complete.
  if (!due || outstanding() != 0 || !submit(Operation::Flush, sequence_)) return false;
  state_ = State::Flushing;
  return true;
}

bool DiskWork::read_back() {
  choice_ = pattern_step(choice_);
  const std::uint64_t oldest = flushed_ > slots_ ? flushed_ - slots_ + 1 : 1;
  const std::uint64_t sequence = oldest + choice_ % (flushed_ - oldest + 1);
  if (!submit(Operation::Read, sequence)) return false;
  state_ = State::Verifying;
  return true;
}

bool DiskWork::poll(std::uint64_t now) {
  bool any = false;
  for (std::uint32_t slot = 0; slot < kMaxRequests; ++slot) {
    if (!requests_[slot].in_use || !requests_[slot].done) continue;
    finished(slot);
    any = true;
    if (console_.ended()) return false;
  }
  switch (state_) {
    case State::Writing:
      return write_if_due(now) || flush_if_due() || any;
    case State::Flushing:
      return (in_group_ == 0 && read_back()) || any;
    case State::Verifying:
      return any;
  }
  return any;
}

std::uint64_t DiskWork::due() const {
  // In every other state only a completion can move things on, and that comes as an interrupt.
  const bool waits_for_time =
      state_ == State::Writing && in_group_ < plan_.flush_every && !finishing_;
  return waits_for_time && outstanding() < kMaxRequests ? next_write_ : kNever;
}

bool DiskWork::finish() {
  finishing_ = true;
  return state_ == State::Writing && in_group_ == 0 && outstanding() == 0;
}

void DiskWork::save(traces::ByteWriter& out) const {
  out.put(plan_.blocks);
  out.put(slots_);
  out.put(state_);
  out.put(sequence_);
  out.put(flushed_);
  out.put(in_group_);
  out.put(next_write_);
  out.put(choice_);
  out.put(verified_);
  out.put<std::uint8_t>(finishing_);
  out.put(transactions_);
  for (const Request& request : requests_) {
    out.put<std::uint8_t>(request.in_use);
    out.put<std::uint8_t>(request.done);
    out.put(request.operation);
    out.put(request.sequence);
    out.put(request.tag);
  }
}

bool DiskWork::restore(traces::ByteReader& in) {
  plan_.blocks = in.get<std::uint64_t>();
  slots_ = in.get<std::uint64_t>();
  state_ = in.get<State>();
  sequence_ = in.get<std::uint64_t>();
  flushed_ = in.get<std::uint64_t>();
  in_group_ = in.get<std::uint32_t>();
  next_write_ = in.get<std::uint64_t>();
  choice_ = in.get<std::uint64_t>();
  verified_ = in.get<std::uint64_t>();
  finishing_ = in.get<std::uint8_t>() != 0;
  transactions_ = in.get<std::uint64_t>();
  bool good = state_ <= State::Verifying && flushed_ <= sequence_;
  for (Request& request : requests_) {
    request.in_use = in.get<std::uint8_t>() != 0;
    request.done = in.get<std::uint8_t>() != 0;
    request.operation = in.get<Operation>();
    request.sequence = in.get<std::uint64_t>();
    request.tag = in.get<std::uint64_t>();
    good = good && request.operation <= Operation::Read && request.sequence <= sequence_;
    // Without slots there is no block that a request could be about.
    good = good && (!request.in_use || (slots_ != 0 && request.sequence != 0));
  }
  return in.ok() && good;
}

}  // namespace guests
