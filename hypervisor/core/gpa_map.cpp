#include "hypervisor/core/gpa_map.hpp"

#include <algorithm>

namespace hv {
namespace {

constexpr std::uint64_t kMaxPages = std::uint64_t{1} << 40;  // 52-bit addresses

bool legal(sim::Rights rights) {
  constexpr sim::Rights kLegal[] = {
      {true, true, true}, {true, false, true}, {true, true, false}, {true, false, false}, {}};
  return std::find(std::begin(kLegal), std::end(kLegal), rights) != std::end(kLegal);
}

}  // namespace

Status GpaMap::map(sim::Gpfn first, std::uint64_t pages, sim::Frame frame, sim::Rights rights) {
  if (!legal(rights) || pages == 0) return Status::InvalidParameter;
  if (first.value >= kMaxPages || pages > kMaxPages - first.value) return Status::InvalidParameter;
  unmap(first, pages);
  ranges_[first.value] = Range{pages, frame, rights};
  limit_ = std::max(limit_, first.value + pages);
  return Status::Success;
}

void GpaMap::unmap(sim::Gpfn first, std::uint64_t pages) {
  ++generation_;
  if (first.value >= kMaxPages) return;
  const std::uint64_t end = first.value + std::min(pages, kMaxPages - first.value);
  auto at = ranges_.upper_bound(first.value);
  if (at != ranges_.begin()) --at;
  while (at != ranges_.end() && at->first < end) {
    const std::uint64_t start = at->first;
    const Range range = at->second;
    const std::uint64_t range_end = start + range.pages;
    if (range_end <= first.value) {
      ++at;
      continue;
    }
    at = ranges_.erase(at);
    if (start < first.value) {
      ranges_[start] = Range{first.value - start, range.frame, range.rights};
    }
    if (range_end > end) {
      ranges_[end] = Range{range_end - end, range.frame + (end - start), range.rights};
    }
  }
}

void GpaMap::cover(sim::Gpfn page, sim::Frame frame, sim::Rights rights) {
  ++generation_;
  covers_.push_back(Cover{page, frame, rights});
}

void GpaMap::uncover(sim::Gpfn page, sim::Frame frame) {
  ++generation_;
  std::erase_if(covers_,
                [&](const Cover& each) { return each.page == page && each.frame == frame; });
}

std::optional<GpaMap::Entry> GpaMap::lookup(sim::Gpfn page) const {
  for (auto cover = covers_.rbegin(); cover != covers_.rend(); ++cover) {
    if (cover->page == page) return Entry{cover->frame, cover->rights, true};
  }
  auto after = ranges_.upper_bound(page.value);
  if (after == ranges_.begin()) return std::nullopt;
  const auto& [start, range] = *--after;
  if (page.value - start >= range.pages) return std::nullopt;
  return Entry{range.frame + (page.value - start), range.rights, false};
}

std::optional<sim::Frame> GpaMap::ram(sim::Gpfn page) const {
  auto after = ranges_.upper_bound(page.value);
  if (after == ranges_.begin()) return std::nullopt;
  const auto& [start, range] = *--after;
  if (page.value - start >= range.pages) return std::nullopt;
  return range.frame + (page.value - start);
}

}  // namespace hv
