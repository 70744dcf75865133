// Access to the buffers that a guest lends to a channel beside its rings: GPADLs that a device's
// own protocol names (spec C.5, D.2). The guest can take one back at any time, so nothing of it is
// kept between two calls.
#include <algorithm>

#include "hypervisor/vmbus/server_channel.hpp"

namespace vmbus {

std::uint64_t ServerChannel::lent_bytes(std::uint32_t gpadl) const {
  const Gpadl* found = gpadls_.accepted(gpadl, relid_);
  // The rings' own pages are not for data.
  if (found == nullptr || found->ranges.size() != 1 || gpadl == request_.ring_gpadl) return 0;
  return found->ranges.front().bytes;
}

/// Calls visit(frame, offset in page, bytes) for each piece of the range.
template <class Visit>
bool ServerChannel::visit_lent(std::uint32_t gpadl, std::uint64_t offset, std::uint64_t bytes,
                               bool write, Visit visit) const {
  const std::uint64_t all = lent_bytes(gpadl);
  if (rings_ == nullptr || offset > all || bytes > all - offset) return false;
  const GpaRange& range = gpadls_.accepted(gpadl, relid_)->ranges.front();
  const std::uint64_t begin = range.offset + offset, end = begin + bytes;
  for (std::uint64_t page = begin >> sim::kPageShift; page << sim::kPageShift < end; ++page) {
    if (!partition_.gpa_map().ram({range.pfns[page]})) return false;
  }
  if (world().detail() && bytes != 0) {
    const std::uint64_t first = begin >> sim::kPageShift, last = (end - 1) >> sim::kPageShift;
    const auto pages = std::span(range.pfns).subspan(first, last - first + 1);
    witness_access(runs_of(pages), gpadl, 0, write);
  }
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t in_page = at & (sim::kPageSize - 1);
    const std::uint64_t now = std::min(end - at, sim::kPageSize - in_page);
    visit(*partition_.gpa_map().ram({range.pfns[at >> sim::kPageShift]}),
          static_cast<std::uint32_t>(in_page), static_cast<std::size_t>(now));
    at += now;
  }
  return true;
}

bool ServerChannel::read_lent(std::uint32_t gpadl, std::uint64_t offset, std::span<std::byte> out) {
  return visit_lent(gpadl, offset, out.size(), false,
                    [&](sim::Frame frame, std::uint32_t in_page, std::size_t bytes) {
                      partition_.memory().read(frame, in_page, out.first(bytes));
                      out = out.subspan(bytes);
                    });
}

bool ServerChannel::write_lent(std::uint32_t gpadl, std::uint64_t offset,
                               std::span<const std::byte> data) {
  return visit_lent(gpadl, offset, data.size(), true,
                    [&](sim::Frame frame, std::uint32_t in_page, std::size_t bytes) {
                      partition_.memory().write(frame, in_page, data.first(bytes),
                                                traces::Writer::Host);
                      partition_.forget_code(frame);
                      data = data.subspan(bytes);
                    });
}

}  // namespace vmbus
