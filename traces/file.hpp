// Trace files. A trace holds all that decides a run, so it can be checked, compared and executed
// again. Integers are little-endian, varints and texts as in byte_buffer.hpp.
//
//   file     := magic version digest chunk(H) chunk(E)* chunk(F)
//   magic    := 8 bytes, kTraceMagic
//   version  := u32, the schema's version: another one is refused
//   digest   := 16 bytes, of canonical_schema(): same version and other text is refused too
//   chunk    := kind stored raw checksum content
//     kind     := u8, 'H' header, 'E' events, 'F' footer
//     stored   := u32, bytes of content
//     raw      := u32, bytes of content when decompressed; equal to `stored` for H and F
//     checksum := u64, XXH3-64 of (chunk's file offset as u64, kind, stored, raw, content), so a
//                 chunk that is damaged, moved or repeated is noticed
//   H        := text build_id, text scenario_name, text scenario, varint seed,
//               list overrides, list plants, list decisions, varint inputs, {text name,
//               digest}*, u8 detail;   list := varint count, text*
//   E        := one zstd frame holding events in the encoding of codec.cpp, whose state starts
//               afresh in every chunk: the first event of a chunk carries its whole index
//   F        := varint chunks of events, varint events, varint level 0 events, varint types,
//               {varint type, varint count}* ascending and only for types that occur, digest hash
//
// The file ends behind the footer. A file without one is an unfinished or truncated trace.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "traces/byte_buffer.hpp"
#include "traces/codec.hpp"
#include "traces/event_hash.hpp"
#include "traces/events.hpp"
#include "traces/record.hpp"

namespace traces {

/// A trace cannot be read or written: one line `file: byte 123: what, and what would be right`.
class TraceError : public std::runtime_error {
 public:
  TraceError(const std::string& file, std::uint64_t offset, const std::string& text);
  TraceError(const std::string& file, const std::string& text);
  /// Where in the file, in bytes; 0 when the mistake has no place.
  std::uint64_t offset() const { return offset_; }

 private:
  std::uint64_t offset_ = 0;
};

/// What decides a run. Everything but the build id counts when runs are compared.
struct TraceHeader {
  struct Input {
    std::string name;  ///< guest, kernel, image: as the scenario names it
    Digest digest;
    friend bool operator==(const Input&, const Input&) = default;
  };

  std::string build_id;  ///< information only
  std::string scenario_name;
  std::string scenario;  ///< the whole text
  std::uint64_t seed = 0;
  std::vector<std::string> overrides;  ///< `key=value` of --set
  std::vector<std::string> plants;     ///< deliberate bugs switched on
  std::vector<std::string> decisions;  ///< explicit decisions, in the order of the scenario
  std::vector<Input> inputs;
  bool detail = false;  ///< level 1 events are in the file

  friend bool operator==(const TraceHeader&, const TraceHeader&) = default;
};

struct TraceFooter {
  std::uint64_t events = 0;
  std::uint64_t level0_events = 0;
  std::array<std::uint64_t, kEventTypeCount> counts{};
  Digest hash;  ///< Recorder::hash() at the end of the run

  friend bool operator==(const TraceFooter&, const TraceFooter&) = default;
};

/// The types of level 0, or of both levels.
EventSet event_types(bool detail);

/// Writes a trace while a world runs: attach it before the first event with `types()`. The file
/// grows under a name of its own beside `path` that ends in ".partial", and gets its name in
/// finish(); without finish() nothing stays, and what a killed writer left the next one of the same
/// path removes. Of several writers of one path the last one wins.
/// Failures to write wait for finish(), so that they never pass through a running world.
class TraceWriter : public Observer {
 public:
  /// Throws TraceError when the file cannot be created or the header is beyond all limits.
  TraceWriter(std::string path, const TraceHeader& header);
  ~TraceWriter() override;

  EventSet types() const { return event_types(detail_); }
  void on_event(const Event& event) override;
  /// `recorder` is the one whose events were written. Throws TraceError when writing failed.
  void finish(const Recorder& recorder);

 private:
  void put(Bytes bytes);
  void put_chunk(std::uint8_t kind, Bytes stored, std::size_t raw_size);
  void put_frame();

  struct Output;
  std::string path_;
  std::unique_ptr<Output> output_;
  std::string failure_;  ///< the first one; nothing is written after it
  std::uint64_t offset_ = 0;
  std::uint64_t chunks_ = 0;
  bool detail_ = false;
  EventEncoder encoder_;
  ByteBuffer frame_;
  TraceFooter footer_;  ///< counted while writing
};

/// Reads a trace that nobody vouches for. All failures are TraceError.
class TraceReader {
 public:
  /// Reads and checks the header.
  explicit TraceReader(const std::string& path);
  TraceReader(std::unique_ptr<std::istream> input, std::string name);
  ~TraceReader();

  const TraceHeader& header() const { return header_; }
  const std::string& name() const { return name_; }

  /// The next event, which lives until the next call, or nullptr behind the last one, when the
  /// whole file has been found in order.
  const Event* next();
  /// Hands all remaining events to an observer.
  void read_all(Observer& observer);
  /// Once next() has returned nullptr.
  const TraceFooter& footer() const { return footer_; }

 private:
  struct Chunk;
  struct Input;

  void open();
  void read_exactly(std::size_t count, std::vector<std::byte>& bytes, const char* what);
  Chunk read_chunk();
  void open_frame(const Chunk& chunk);
  void end(const Chunk& chunk);
  void account(const Event& event);
  [[noreturn]] void fail(std::uint64_t offset, const std::string& text) const;

  std::string name_;
  std::unique_ptr<Input> input_;
  std::uint64_t offset_ = 0;  ///< bytes read
  TraceHeader header_;
  TraceFooter footer_;
  TraceFooter seen_;  ///< counted while reading, for comparison with the footer
  std::uint64_t chunks_ = 0;
  std::uint64_t next_index_ = 0;
  EventHash hash_;
  EventDecoder decoder_;
  std::vector<std::byte> frame_;  ///< decompressed content of the current chunk
  ByteCursor cursor_{{}};
  std::uint64_t frame_offset_ = 0;
  bool ended_ = false;
};

}  // namespace traces
