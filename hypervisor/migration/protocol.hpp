// The live migration protocol between two hosts. Hyper-V's wire format is not public (spec G.2);
// names and layouts are ours, the order of phases is Hyper-V's.
//
//   source                                 target
//     Hello {job, configuration}     ->      pre-flight, skeleton partition
//                                    <-      Ready, or Refused {reason}
//     Pages {round, batch} ...       ->      write pages
//     RoundEnd {round, pages}        ->
//                                    <-      RoundDone {round, pages}
//     State {digest, pages, bytes}   ->      verify memory, restore, still suspended
//                                    <-      StateDone, or Refused {reason}
//     Grant {}                       ->      open the disks
//                                    <-      GrantDone, or Refused {reason}
//     [source: durable "ceded"]
//     Commit {epoch}                 ->      [durable "owned"]  <- the commit point
//                                    <-      Committed; resume
//
// In doubt, a source asks on a stream of its own: Query {job, vm} -> Answer {committed}.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypervisor/migration/vm_config.hpp"
#include "sim/memory/guest_memory.hpp"
#include "sim/net/network.hpp"
#include "traces/bytes.hpp"

namespace migration {

inline constexpr const char* kService = "live-migration";  ///< TCP 6600 in Hyper-V (spec G)
inline constexpr std::uint32_t kProtocolVersion = 1;

enum class Kind : std::uint32_t {
  Hello = 1,
  Ready,
  Refused,
  Pages,
  RoundEnd,
  RoundDone,
  State,
  StateDone,
  Grant,
  GrantDone,
  Commit,
  Committed,
  Query,
  Answer,
  Abort,
};

struct Hello {
  std::uint64_t job = 0;
  VmConfig config;
  void encode(traces::ByteWriter& out) const;
  static std::optional<Hello> decode(std::span<const std::byte> body);
};

struct StateMessage {
  traces::Digest memory;    ///< of the source at suspension
  std::uint64_t pages = 0;  ///< pages that are not zero
  bool verify = true;
  std::vector<std::byte> state;
  void encode(traces::ByteWriter& out) const;
  static std::optional<StateMessage> decode(std::span<const std::byte> body);
};

enum class Verdict : std::uint8_t { Unknown = 0, Committed = 1, NotCommitted = 2 };

/// A message with a body and its cost on the wire (a 16-byte frame and the body).
sim::Message make_message(Kind kind, std::vector<std::byte> body = {});
sim::Message make_text(Kind kind, const std::string& text);
/// One to three numbers as a body.
sim::Message make_numbers(Kind kind, std::initializer_list<std::uint64_t> numbers);
/// Numbers of such a body; nullopt when there are not exactly `count`.
std::optional<std::vector<std::uint64_t>> numbers_of(const sim::Message& message,
                                                     std::size_t count);
std::string text_of(const sim::Message& message);
/// A batch of pages; its content travels by reference, its size is paid for.
sim::Message make_pages(std::uint32_t round, std::shared_ptr<const sim::PageBatch> batch);

}  // namespace migration
