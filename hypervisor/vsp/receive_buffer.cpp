#include "hypervisor/vsp/receive_buffer.hpp"

#include <utility>

#include "traces/assert.hpp"

namespace vsp {

void ReceiveBuffer::attach(std::uint32_t gpadl, std::uint32_t section_bytes,
                           std::uint32_t sections) {
  HVSIM_ASSERT(!attached() && section_bytes != 0 && sections != 0, "a buffer is attached once");
  gpadl_ = gpadl;
  section_bytes_ = section_bytes;
  sections_ = sections;
}

void ReceiveBuffer::detach() { *this = {}; }

std::optional<std::uint32_t> ReceiveBuffer::take() {
  if (!used_.empty()) {
    const std::uint32_t section = used_.back();
    used_.pop_back();
    return section;
  }
  if (next_ == sections_) return std::nullopt;
  return next_++;
}

void ReceiveBuffer::lend(std::uint64_t transaction, std::vector<std::uint32_t> sections) {
  const bool fresh = lent_.emplace(transaction, std::move(sections)).second;
  HVSIM_ASSERT(fresh, "a transaction is outstanding once");
}

bool ReceiveBuffer::returned(std::uint64_t transaction) {
  const auto found = lent_.find(transaction);
  if (found == lent_.end()) return false;
  used_.insert(used_.end(), found->second.begin(), found->second.end());
  lent_.erase(found);
  return true;
}

void ReceiveBuffer::save(traces::ByteWriter& out) const {
  out.put(gpadl_);
  out.put(section_bytes_);
  out.put(sections_);
  out.put(next_);
  const auto list = [&out](const std::vector<std::uint32_t>& sections) {
    out.put<std::uint64_t>(sections.size());
    for (const std::uint32_t section : sections) out.put(section);
  };
  list(used_);
  out.put<std::uint64_t>(lent_.size());
  for (const auto& [transaction, sections] : lent_) {
    out.put(transaction);
    list(sections);
  }
}

bool ReceiveBuffer::restore(traces::ByteReader& in) {
  detach();
  if (restore_lists(in)) return true;
  detach();
  return false;
}

bool ReceiveBuffer::restore_lists(traces::ByteReader& in) {
  gpadl_ = in.get<std::uint32_t>();
  section_bytes_ = in.get<std::uint32_t>();
  sections_ = in.get<std::uint32_t>();
  next_ = in.get<std::uint32_t>();
  if (!in.ok() || next_ > sections_ || (sections_ == 0) != (section_bytes_ == 0)) return false;
  // Each section below next_ is in exactly one place. A list is never longer than that, so an
  // absurd count cannot cost memory.
  std::vector<bool> seen;
  std::uint64_t placed = 0;
  const auto list = [&](std::vector<std::uint32_t>& sections) {
    const std::uint64_t count = in.count(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto section = in.get<std::uint32_t>();
      if (section >= next_) return false;
      if (section >= seen.size()) seen.resize(std::size_t{section} + 1);
      if (seen[section]) return false;
      seen[section] = true;
      ++placed;
      sections.push_back(section);
    }
    return in.ok();
  };
  if (!list(used_)) return false;
  const std::uint64_t packets = in.count(16);
  for (std::uint64_t i = 0; i < packets; ++i) {
    const auto transaction = in.get<std::uint64_t>();
    std::vector<std::uint32_t> sections;
    if (!list(sections) || sections.empty()) return false;
    if (!lent_.emplace(transaction, std::move(sections)).second) return false;
  }
  return in.ok() && placed == next_;
}

void ReceiveBuffer::witness(traces::DigestStream& out) const {
  for (const std::uint64_t value : {gpadl_, section_bytes_, sections_, next_}) out.add_u64(value);
  const auto list = [&out](const std::vector<std::uint32_t>& sections) {
    out.add_u64(sections.size());
    for (const std::uint32_t section : sections) out.add_u64(section);
  };
  list(used_);
  out.add_u64(lent_.size());
  for (const auto& [transaction, sections] : lent_) {
    out.add_u64(transaction);
    list(sections);
  }
}

}  // namespace vsp
