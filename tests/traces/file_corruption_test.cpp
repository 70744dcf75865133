// A trace is read from whoever sends it. Damage of any kind gives one TraceError with a place, and
// never events that were not written, a crash or a large allocation.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "tests/traces/random_events.hpp"
#include "traces/file.hpp"
#include "traces/file_format.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using testing::read_file;
using testing::reader_of;
using namespace file_format;

std::vector<OwnedEvent> small_run() {
  const ev::NodeAdded added{.name = "host-alpha", .kind = "host"};
  const ev::VmbusDoorbell doorbell{.partition = 2, .relid = 3, .accepted = true};
  const ev::MemoryDigest digest{.vm = 1, .pages = 9, .digest = {1, 2}};
  return {OwnedEvent(Event{.node = NodeId{1}, .type = added.kType, .payload = &added}),
          OwnedEvent(Event{.time = Time{5}, .type = doorbell.kType, .payload = &doorbell}),
          OwnedEvent(Event{.time = Time{9}, .type = digest.kType, .payload = &digest})};
}

std::string small_trace() {
  TraceHeader header{.scenario_name = "small", .scenario = "name: small\n", .seed = 7};
  header.plants = {"none"};
  return read_file(testing::write_trace("small", header, small_run()));
}

/// Reads everything. The message, or nothing when the trace is in order. Events that came before
/// the error must be the ones that were written.
std::string outcome(const std::string& content) {
  const std::vector<OwnedEvent> written = small_run();
  std::size_t count = 0;
  try {
    TraceReader reader = reader_of(content);
    while (const Event* event = reader.next()) {
      const bool right = count < written.size() && same_content(*event, written[count].event());
      EXPECT_TRUE(right) << "event " << count;
      ++count;
    }
  } catch (const TraceError& error) {
    EXPECT_LE(error.offset(), content.size());
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  EXPECT_EQ(count, written.size());
  return "";
}

std::string text_of(const ByteBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.bytes().data()), buffer.size()};
}

/// A file made chunk by chunk, each with a checksum that is right.
class Forgery {
 public:
  Forgery() {
    file_.append(std::as_bytes(std::span(kMagic)));
    file_.append_u32(kSchemaVersion);
    file_.append_digest(schema_digest());
  }
  Forgery& chunk(std::uint8_t kind, const ByteBuffer& content, std::uint32_t raw) {
    const auto stored = static_cast<std::uint32_t>(content.size());
    const std::uint64_t sum = chunk_checksum(file_.size(), kind, stored, raw, content.bytes());
    return head(kind, stored, raw, sum, content);
  }
  Forgery& chunk(std::uint8_t kind, const ByteBuffer& content) {
    return chunk(kind, content, static_cast<std::uint32_t>(content.size()));
  }
  Forgery& head(std::uint8_t kind, std::uint32_t stored, std::uint32_t raw, std::uint64_t sum,
                const ByteBuffer& content) {
    file_.append_u8(kind);
    file_.append_u32(stored);
    file_.append_u32(raw);
    file_.append_u64(sum);
    file_.append(content.bytes());
    return *this;
  }
  Forgery& header(bool detail = false) {
    ByteBuffer content;
    encode_header(TraceHeader{.detail = detail}, content);
    return chunk(kHeaderChunk, content);
  }
  Forgery& events(const ByteBuffer& raw) {
    ByteBuffer compressed;
    const std::size_t bound = ZSTD_compressBound(raw.size());
    std::byte* to = compressed.reserve(bound);
    compressed.end_at(to + ZSTD_compress(to, bound, raw.bytes().data(), raw.size(), 3));
    return chunk(kEventChunk, compressed, static_cast<std::uint32_t>(raw.size()));
  }
  Forgery& footer(const TraceFooter& footer, std::uint64_t chunks) {
    ByteBuffer content;
    encode_footer(footer, chunks, content);
    return chunk(kFooterChunk, content);
  }
  std::string file() const { return text_of(file_); }

 private:
  ByteBuffer file_;
};

ByteBuffer encoded_event(const OwnedEvent& event, std::uint64_t index = 0) {
  EventEncoder encoder;
  ByteBuffer out;
  encoder.encode(event.event(), index, out);
  return out;
}

void expect_problem(const std::string& file, const std::string& phrase) {
  std::string message;
  try {
    TraceReader reader = reader_of(file);
    while (reader.next() != nullptr) {
    }
  } catch (const TraceError& error) {
    message = error.what();
  }
  EXPECT_NE(message.find(phrase), std::string::npos) << "message: " << message;
}

void expect_problem(const Forgery& forgery, const std::string& phrase) {
  expect_problem(forgery.file(), phrase);
}

TEST(DamagedTrace, UndamagedOneIsInOrder) { EXPECT_EQ(outcome(small_trace()), ""); }

TEST(DamagedTrace, TruncationAnywhereIsNoticed) {
  const std::string trace = small_trace();
  for (std::size_t size = 0; size < trace.size(); ++size) {
    const std::string message = outcome(trace.substr(0, size));
    EXPECT_NE(message.find("file ends within"), std::string::npos) << size << ": " << message;
  }
}

TEST(DamagedTrace, EveryFlippedBitIsNoticed) {
  const std::string trace = small_trace();
  for (std::size_t bit = 0; bit < 8 * trace.size(); ++bit) {
    std::string damaged = trace;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(outcome(damaged), "") << "bit " << bit;
  }
}

TEST(DamagedTrace, AnyAppendedByteIsNoticed) {
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_NE(outcome(small_trace() + static_cast<char>(byte)).find("goes on behind its footer"),
              std::string::npos);
  }
}

RC_GTEST_PROP(DamagedTrace, AnyChangeOfAFewBytesIsNoticed, ()) {
  const std::string trace = small_trace();
  std::string damaged = trace;
  const auto start = *rc::gen::inRange<std::size_t>(0, trace.size());
  const auto removed = *rc::gen::inRange<std::size_t>(0, 20);
  damaged.replace(start, removed, *rc::gen::arbitrary<std::string>());
  RC_ASSERT((outcome(damaged) == "") == (damaged == trace));
}

RC_GTEST_PROP(DamagedTrace, AnyContentUnderARightChecksumIsReadOrRefused,
              (const std::vector<std::uint8_t>& raw)) {
  ByteBuffer bytes;
  bytes.append(std::as_bytes(std::span(raw)));
  const auto refuses = [](const Forgery& forgery) {
    try {
      TraceReader reader = reader_of(forgery.file());
      while (reader.next() != nullptr) {
      }
    } catch (const TraceError&) {
      return true;
    }
    return false;
  };
  RC_ASSERT(refuses(Forgery().chunk(kHeaderChunk, bytes)));
  RC_ASSERT(refuses(Forgery().header(true).events(bytes)));
  RC_ASSERT(refuses(Forgery().header().chunk(kEventChunk, bytes, 100)));
  RC_ASSERT(refuses(Forgery().header().chunk(kFooterChunk, bytes)));
}

TEST(DamagedTrace, OtherSchemaVersionIsRefusedByNumber) {
  std::string trace = small_trace();
  trace[8] = static_cast<char>(kSchemaVersion + 1);
  EXPECT_EQ(outcome(trace), "memory.trace: byte 8: trace has schema version " +
                                std::to_string(kSchemaVersion + 1) + "; this build reads version " +
                                std::to_string(kSchemaVersion));
}

TEST(DamagedTrace, OtherSchemaOfTheSameVersionIsRefused) {
  std::string trace = small_trace();
  trace[12] = static_cast<char>(trace[12] ^ 1);
  EXPECT_NE(outcome(trace).find("other events under the same schema version"), std::string::npos);
}

TEST(DamagedTrace, LengthsBeyondAllLimitsAreRefusedBeforeMemoryIsTaken) {
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak();
  expect_problem(Forgery().head(kHeaderChunk, UINT32_MAX, UINT32_MAX, 0, {}), "at most");
  expect_problem(Forgery().head(kHeaderChunk, 60'000'000, 60'000'000, 0, {}), "file ends within");
  expect_problem(Forgery().header().head(kEventChunk, 1, UINT32_MAX, 0, {}), "at most");
  ByteBuffer huge_text;
  huge_text.append_varint(UINT64_MAX);
  expect_problem(Forgery().chunk(kHeaderChunk, huge_text), "build id is malformed");
  ByteBuffer huge_list;
  for (int i = 0; i < 4; ++i) huge_list.append_varint(0);
  huge_list.append_varint(UINT64_MAX);
  expect_problem(Forgery().chunk(kHeaderChunk, huge_list), "list of overrides is malformed");
  // What this test adds to the process's peak says whether a claim was believed.
  EXPECT_LT(peak() - before, 100 * 1024);
}

TEST(DamagedTrace, ChunksOutOfPlaceAreRefused) {
  const ByteBuffer event = encoded_event(small_run()[0]);
  expect_problem(Forgery().events(event), "no header");
  expect_problem(Forgery().header().header(), "second header");
  expect_problem(Forgery().header().events(event).events(event), "goes backwards");
  expect_problem(Forgery().header().chunk('X', event), "unknown kind 88");
  expect_problem(Forgery().header().chunk(kFooterChunk, event, 1), "equal sizes");

  Forgery once;
  const std::size_t start = once.header().file().size();
  const std::string file = once.events(event).file();
  EXPECT_NE(outcome(file + file.substr(start)).find("checksum"), std::string::npos);
}

TEST(DamagedTrace, ChecksumCoversKindAndBothSizes) {
  const ByteBuffer event = encoded_event(small_run()[0]);
  const auto size = static_cast<std::uint32_t>(event.size());
  const std::uint64_t offset = Forgery().header().file().size();
  const std::uint64_t sum = chunk_checksum(offset, kEventChunk, size, 100, event.bytes());
  ByteBuffer shorter;
  shorter.append(event.bytes().first(size - 1));
  expect_problem(Forgery().header().head(kEventChunk, size, 100, sum, event), "not decompress");
  expect_problem(Forgery().header().head(kEventChunk, size, 101, sum, event), "checksum");
  expect_problem(Forgery().header().head(kFooterChunk, size, 100, sum, event), "checksum");
  expect_problem(Forgery().header().head(kEventChunk, size - 1, 100, sum, shorter), "checksum");
}

TEST(DamagedTrace, FooterThatDoesNotFitTheEventsIsRefused) {
  const OwnedEvent event = small_run()[0];
  Recorder recorder;
  recorder.emit(event.event());
  TraceFooter right{.events = 1, .level0_events = 1, .hash = recorder.hash()};
  right.counts[static_cast<std::size_t>(event.event().type)] = 1;
  const auto with = [&](const TraceFooter& footer, std::uint64_t chunks) {
    return Forgery().header().events(encoded_event(event)).footer(footer, chunks).file();
  };
  TraceReader reader = reader_of(with(right, 1));
  EXPECT_NE(reader.next(), nullptr);
  EXPECT_EQ(reader.next(), nullptr);

  expect_problem(with(right, 2), "1 in 1 would be right");
  TraceFooter wrong = right;
  wrong.events = 2;
  expect_problem(with(wrong, 1), "footer counts 2 events");
  wrong = right;
  wrong.hash.low ^= 1;
  expect_problem(with(wrong, 1), "hash of the events");
}

TEST(DamagedTrace, DetailThatTheHeaderDeniesIsRefused) {
  const ev::InterruptDelivered payload{};
  const OwnedEvent event(Event{.type = payload.kType, .payload = &payload});
  expect_problem(Forgery().header(false).events(encoded_event(event)), "detail in a trace");
}

}  // namespace
}  // namespace traces
