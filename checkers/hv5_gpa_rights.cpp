// HV-5 (spec I.1, B.2): what a processor is granted is what the partition's GPA map says at that
// time; an access to an overlay reaches the overlay and never the page below, which has its old
// contents when the overlay goes.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkers/makers.hpp"
#include "checkers/per_partition.hpp"
#include "checkers/property.hpp"

namespace checkers {

namespace {

namespace ev = traces::ev;
using traces::AccessKind;
using traces::OverlayKind;

struct Rights {
  bool read = false;
  bool write = false;
  bool execute = false;
  friend bool operator==(const Rights&, const Rights&) = default;
  bool allow(AccessKind access) const {
    return access == AccessKind::Read ? read : access == AccessKind::Write ? write : execute;
  }
};

/// B.2, B.3: code to call, time to read, and pages that both sides write.
Rights rights_of(OverlayKind kind) {
  if (kind == OverlayKind::Hypercall) return {true, false, true};
  if (kind == OverlayKind::ReferenceTsc) return {true, false, false};
  return {true, true, false};
}

struct Page {
  std::uint64_t frame;
  Rights rights;
};

struct Overlay {
  OverlayKind kind;
  std::uint32_t vp;
  std::uint64_t gpfn;
  std::uint64_t frame;
  std::uint64_t covered_hash;
  bool written_otherwise = false;  // by the host, by another address, or mapped anew
};

/// The GPA map as the events tell it.
class Map {
 public:
  void take_over(const Map&) {}  // the target's stack maps for itself, and says so

  void change(std::uint64_t first, std::uint64_t pages, std::uint64_t frame, Rights rights) {
    const std::uint64_t end = first + pages;
    split(first);
    split(end);
    ranges_.erase(ranges_.lower_bound(first), ranges_.lower_bound(end));
    if (rights != Rights{} || frame != 0) ranges_[first] = {pages, {frame, rights}};
    touch(first, pages);
  }

  std::optional<Page> ram(std::uint64_t gpfn) const {
    auto after = ranges_.upper_bound(gpfn);
    if (after == ranges_.begin()) return std::nullopt;
    const auto& [start, range] = *--after;
    if (gpfn - start >= range.pages) return std::nullopt;
    return Page{range.page.frame + (gpfn - start), range.page.rights};
  }

  void touch(std::uint64_t first, std::uint64_t pages) {
    for (Overlay& each : overlays) {
      if (each.gpfn >= first && each.gpfn - first < pages) each.written_otherwise = true;
    }
  }

  std::vector<Overlay> overlays;

 private:
  struct Range {
    std::uint64_t pages;
    Page page;
  };

  void split(std::uint64_t at) {
    auto after = ranges_.upper_bound(at);
    if (after == ranges_.begin()) return;
    auto& [start, range] = *--after;
    const std::uint64_t head = at - start;
    if (head == 0 || head >= range.pages) return;
    ranges_[at] = {range.pages - head, {range.page.frame + head, range.page.rights}};
    range.pages = head;
  }

  std::map<std::uint64_t, Range> ranges_;
};

class GpaRights final : public Property {
 public:
  GpaRights()
      : Property("HV-5", "accesses obey the GPA map, overlays leave what they cover alone",
                 {ev::GpaMapped::kType, ev::OverlayChanged::kType, ev::VpMapped::kType,
                  ev::VpIntercept::kType, ev::VmbusAccess::kType, ev::PartitionState::kType,
                  ev::PartitionCall::kType, ev::VpState::kType, ev::NodeKilled::kType}) {}

  void on_event(const traces::Event& event) override {
    if (const auto* mapped = event.as<ev::GpaMapped>()) {
      maps_.at(event, mapped->partition)
          .change(mapped->gpfn, mapped->pages, mapped->frame,
                  {mapped->read, mapped->write, mapped->execute});
    } else if (const auto* overlay = event.as<ev::OverlayChanged>()) {
      covered(event, *overlay);
    } else if (const auto* granted = event.as<ev::VpMapped>()) {
      grant(event, *granted);
    } else if (const auto* intercept = event.as<ev::VpIntercept>()) {
      intercepted(event, *intercept);
    } else if (const auto* access = event.as<ev::VmbusAccess>()) {
      if (access->write) {
        maps_.at(event, access->partition).touch(access->first_gpfn, access->pages);
      }
    }
    maps_.follow(event);
  }

 private:
  void covered(const traces::Event& event, const ev::OverlayChanged& change) {
    std::vector<Overlay>& overlays = maps_.at(event, change.partition).overlays;
    if (change.enabled) {
      overlays.push_back({change.kind, change.vp, change.gpfn, change.frame, change.covered_hash});
      return;
    }
    const auto found = std::find_if(overlays.begin(), overlays.end(), [&](const Overlay& each) {
      return each.kind == change.kind && each.vp == change.vp && each.gpfn == change.gpfn;
    });
    if (found == overlays.end()) {
      violate(event,
              "an overlay leaves page " + std::to_string(change.gpfn) + " that it did not cover");
      return;
    }
    ++uncovered_;
    if (!found->written_otherwise && found->covered_hash != change.covered_hash) {
      violate(event, "page " + std::to_string(change.gpfn) +
                         " has other contents than before the overlay came");
    }
    overlays.erase(found);
  }

  static std::string say(std::uint64_t gpfn, std::uint64_t frame, Rights rights) {
    std::string text = "page " + std::to_string(gpfn) + " at frame " + std::to_string(frame) + " ";
    text += rights.read ? 'r' : '-';
    text += rights.write ? 'w' : '-';
    text += rights.execute ? 'x' : '-';
    return text;
  }

  /// Of several overlays on one page any may be the visible one (spec B.2).
  void grant(const traces::Event& event, const ev::VpMapped& granted) {
    Map& map = maps_.at(event, granted.partition);
    ++grants_;
    const Rights rights{granted.read, granted.write, granted.execute};
    const std::string what = "VP " + std::to_string(granted.vp) + " is granted " +
                             say(granted.gpfn, granted.frame, rights);
    const Overlay* seen = nullptr;
    bool under = false;
    for (Overlay& each : map.overlays) {
      if (each.gpfn == granted.gpfn) {
        under = true;
        if (each.frame == granted.frame) seen = &each;
      } else if (granted.write) {
        const auto below = map.ram(each.gpfn);
        if (below && below->frame == granted.frame) each.written_otherwise = true;
      }
    }
    if (under) {
      if (seen == nullptr) {
        violate(event, what + ", which an overlay covers");
      } else if (rights != rights_of(seen->kind)) {
        violate(event, what + ", not the rights of its overlay");
      }
      return;
    }
    const auto page = map.ram(granted.gpfn);
    if (!page) {
      if (rights != Rights{}) violate(event, what + ", which is not mapped");
    } else if (page->frame != granted.frame || page->rights != rights) {
      violate(event, what + "; the map says " + say(granted.gpfn, page->frame, page->rights));
    }
  }

  void intercepted(const traces::Event& event, const ev::VpIntercept& intercept) {
    ++intercepts_;
    const std::uint64_t gpfn = intercept.gpa >> 12;
    const Map& map = maps_.at(event, intercept.partition);
    bool under = false;
    bool allowed = true;
    for (const Overlay& each : map.overlays) {
      if (each.gpfn != gpfn) continue;
      under = true;
      allowed = allowed && rights_of(each.kind).allow(intercept.access);
    }
    if (!under) {
      const auto page = map.ram(gpfn);
      allowed = page && page->rights.allow(intercept.access);
    }
    if (allowed) {
      violate(event, "VP " + std::to_string(intercept.vp) +
                         " is stopped by an access that the map allows, to page " +
                         std::to_string(gpfn));
    }
  }

  std::string measured() const override {
    return std::to_string(grants_) + " grants, " + std::to_string(intercepts_) + " intercepts, " +
           std::to_string(uncovered_) + " overlays removed";
  }
  bool needs_detail() const override { return true; }

  PerPartition<Map> maps_;
  std::uint64_t grants_ = 0;
  std::uint64_t intercepts_ = 0;
  std::uint64_t uncovered_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_hv5() { return std::make_unique<GpaRights>(); }

}  // namespace checkers
