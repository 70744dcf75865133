#include "traces/record.hpp"

#include <algorithm>

#include "traces/assert.hpp"
#include "traces/byte_buffer.hpp"
#include "traces/codec.hpp"
#include "traces/digest.hpp"

namespace traces {
namespace {

/// Encoded events are hashed in batches of this size: fewer calls, and still within the L1 cache.
constexpr std::size_t kBatch = 4096;

}  // namespace

struct Recorder::Hash {
  EventEncoder encoder;
  mutable DigestStream digest;
  mutable ByteBuffer pending;

  void flush() const {
    digest.add(pending.bytes());
    pending.clear();
  }
};

Recorder::Recorder() : hash_(std::make_unique<Hash>()) { hash_->encoder.reset(0); }

Recorder::~Recorder() = default;

void Recorder::attach(Observer& observer, const EventSet& types) {
  for (std::size_t type = 0; type < kEventTypeCount; ++type) {
    if (types.test(type)) observers_[type].push_back(&observer);
  }
}

void Recorder::detach(Observer& observer) {
  for (std::vector<Observer*>& list : observers_) {
    list.erase(std::remove(list.begin(), list.end(), &observer), list.end());
  }
}

Digest Recorder::hash() const {
  hash_->flush();
  return hash_->digest.finish();
}

void Recorder::record(const Event& event, int level) {
  ++count_;
  if (level == 0) {
    hash_->encoder.encode(event, level0_count_, hash_->pending);
    ++level0_count_;
    if (hash_->pending.size() >= kBatch) hash_->flush();
  }
  // Observers may not attach, detach or emit from within: they only look.
  for (Observer* observer : observers_[static_cast<std::size_t>(event.type)]) {
    observer->on_event(event);
  }
}

}  // namespace traces
