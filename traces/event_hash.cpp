#include "traces/event_hash.hpp"

namespace traces {
namespace {

/// Fewer calls of the hash, and still within the L1 cache.
constexpr std::size_t kBatch = 4096;

}  // namespace

void EventHash::add(const Event& event) {
  encoder_.encode(event, count_++, pending_);
  if (pending_.size() < kBatch) return;
  digest_.add(pending_.bytes());
  pending_.clear();
}

Digest EventHash::value() const {
  digest_.add(pending_.bytes());
  pending_.clear();
  return digest_.finish();
}

}  // namespace traces
