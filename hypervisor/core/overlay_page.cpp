#include "hypervisor/core/overlay_page.hpp"

#include <array>
#include <span>

#include "hypervisor/core/emit.hpp"
#include "hypervisor/core/partition.hpp"
#include "hypervisor/core/plants.hpp"
#include "traces/bytes.hpp"

namespace hv {
namespace {

using traces::OverlayKind;

std::uint64_t frame_index(OverlayKind kind, std::uint32_t vp) {
  const std::uint64_t own = 4 + 4 * std::uint64_t{vp};
  switch (kind) {
    case OverlayKind::Hypercall:
      return 0;
    case OverlayKind::ReferenceTsc:
      return 1;
    case OverlayKind::Message:
      return own;
    case OverlayKind::Event:
      return own + 1;
    case OverlayKind::Assist:
      return own + 2;
  }
  return 0;
}

sim::Rights rights_of(OverlayKind kind) {
  if (kind == OverlayKind::Hypercall) return {true, false, true};
  if (kind == OverlayKind::ReferenceTsc) return {true, false, false};
  return {true, true, false};
}

}  // namespace

OverlayPage::OverlayPage(Partition& partition, OverlayKind kind, std::uint32_t vp)
    : partition_(partition),
      kind_(kind),
      vp_(vp),
      frame_(partition.memory().overlay_frame(frame_index(kind, vp))),
      rights_(rights_of(kind)) {}

void OverlayPage::move_to(std::optional<sim::Gpfn> place) {
  if (place == place_) return;
  sim::GuestMemory& memory = partition_.memory();
  if (place_) {
    partition_.gpa_map().uncover(*place_, frame_);
    if (watch_ != 0) memory.unwatch(watch_);
    watch_ = 0;
    report(false);
  }
  place_ = place;
  if (!place_) return;
  report(true);
  sim::Rights rights = rights_;
  if (kind_ == OverlayKind::ReferenceTsc && plant(partition_, plants::kReferencePageWritable)) {
    rights.write = true;
  }
  const bool seen = kind_ != OverlayKind::Event || !plant(partition_, plants::kEventPageUnseen);
  if (seen) partition_.gpa_map().cover(*place_, frame_, rights);
  if (kind_ == OverlayKind::ReferenceTsc) report_reference();
  if (kind_ != OverlayKind::Message && kind_ != OverlayKind::Event) return;
  const auto purpose = kind_ == OverlayKind::Message ? traces::WatchPurpose::MessagePage
                                                     : traces::WatchPurpose::EventPage;
  watch_ = memory.watch(purpose, std::span(&frame_, 1), vp_);
}

/// What lies in the frame, which a restore has brought from elsewhere (spec B.8).
void OverlayPage::report_reference() const {
  if (!partition_.node().world().detail()) return;
  std::array<std::byte, 24> page;
  partition_.memory().read(frame_, 0, page);
  traces::ByteReader in(page);
  traces::ev::ReferencePageShown event;
  event.partition = partition_.id().value;
  event.sequence = in.get<std::uint32_t>();
  in.get<std::uint32_t>();
  event.scale = in.get<std::uint64_t>();
  event.offset = in.get<std::int64_t>();
  emit(partition_, event);
}

void OverlayPage::report(bool enabled) const {
  const auto covered = partition_.gpa_map().ram(*place_);
  traces::ev::OverlayChanged event;
  event.partition = partition_.id().value;
  event.kind = kind_;
  event.vp = vp_;
  event.enabled = enabled;
  event.gpfn = place_->value;
  event.frame = frame_.value;
  event.covered_hash = covered ? partition_.memory().hash_of(*covered) : 0;
  emit(partition_, event);
}

}  // namespace hv
