// The disk pattern of a model guest, the same as that of the real programs: groups of writes, a
// flush after each group, then one earlier write is read back and compared.
#pragma once

#include <array>
#include <cstdint>

#include "hypervisor/vsp/guest/storvsc.hpp"
#include "scenarios/guests/model/console.hpp"
#include "scenarios/guests/model/pages.hpp"
#include "traces/bytes.hpp"

namespace guests {

/// Of an SRB's status, without "autosense valid" and "queue frozen".
inline constexpr std::uint8_t kSrbStatusMask = 0x3F;

struct DiskPlan {
  std::uint64_t blocks = 0;    ///< the pattern's, from block 0; 0: the whole disk
  std::uint64_t interval = 0;  ///< between two writes, 100 ns
  std::uint32_t blocks_per_write = 0;
  std::uint32_t flush_every = 0;
  std::uint64_t seed = 0;
};

class DiskWork {
 public:
  static constexpr std::uint32_t kMaxRequests = 8;
  static constexpr std::uint64_t kNever = UINT64_MAX;

  DiskWork(GuestPages& pages, vsp::guest::StorVsc& storage, Console& console, const DiskPlan& plan)
      : pages_(pages), storage_(storage), console_(console), plan_(plan) {}

  /// The disk has so many blocks; the first write is due one interval from now (100 ns).
  void begin(std::uint64_t disk_blocks, std::uint64_t now);
  /// Does what is due. True when it did something: look again.
  bool poll(std::uint64_t now);
  void completed(const vsp::guest::Completion& completion);
  /// The next instant at which something is due although nobody calls.
  std::uint64_t due() const;
  /// No new writes; true once everything is flushed and answered.
  bool finish();

  /// The disk is known and large enough: poll() may be called.
  bool ready() const { return slots_ != 0; }
  std::uint64_t writes() const { return sequence_; }
  std::uint64_t verified() const { return verified_; }
  /// Requests without an answer.
  std::uint32_t outstanding() const;

  void save(traces::ByteWriter& out) const;
  bool restore(traces::ByteReader& in);

 private:
  enum class State : std::uint8_t { Writing, Flushing, Verifying };
  enum class Operation : std::uint8_t { Write, Flush, Read };
  struct Request {
    bool in_use = false;
    bool done = false;
    Operation operation = Operation::Write;
    std::uint64_t sequence = 0;
    std::uint64_t tag = 0;
  };

  std::uint64_t block_of(std::uint64_t sequence) const;
  bool submit(Operation operation, std::uint64_t sequence);
  void fill(std::uint32_t slot, std::uint64_t sequence);
  bool verify(std::uint32_t slot);
  void finished(std::uint32_t slot);
  bool write_if_due(std::uint64_t now);
  bool flush_if_due();
  bool read_back();
  static sim::Gpfn buffer(std::uint32_t slot) {
    return place::kBuffers + std::uint64_t{slot} * place::kBufferPages;
  }

  GuestPages& pages_;
  vsp::guest::StorVsc& storage_;
  Console& console_;
  DiskPlan plan_;

  std::uint64_t slots_ = 0;  ///< places for a write
  State state_ = State::Writing;
  std::uint64_t sequence_ = 0;  ///< writes submitted
  std::uint64_t flushed_ = 0;   ///< writes that a finished flush covers
  std::uint32_t in_group_ = 0;  ///< writes submitted since the last flush
  std::uint64_t next_write_ = 0;
  std::uint64_t choice_ = 0;
  std::uint64_t verified_ = 0;
  bool finishing_ = false;
  std::uint64_t transactions_ = 0;
  std::array<Request, kMaxRequests> requests_{};
};

}  // namespace guests
