#include "traces/file.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/traces/random_events.hpp"
#include "traces/digest.hpp"
#include "traces/reflection.hpp"

namespace traces {
namespace {

using testing::random_events;
using testing::read_events;
using testing::temporary_path;
using testing::write_trace;

TraceHeader full_header() {
  TraceHeader header;
  header.build_id = "0.1.0-abc";
  header.scenario_name = "quickstart";
  header.scenario = "name: quickstart\nvms: []\n";
  header.seed = UINT64_MAX;
  header.overrides = {"vms.web.memory=1GiB", ""};
  header.plants = {"dirty-log-forgets-dma"};
  header.decisions = {"fault 1", "fault 2"};
  header.inputs = {{"guest", {1, 2}}, {"kernel", digest_of("kernel")}};
  header.detail = true;
  return header;
}

RC_GTEST_PROP(TraceFile, GivesBackHeaderEventsAndFooter, ()) {
  const auto events = random_events();
  const TraceHeader header = full_header();
  TraceReader reader(write_trace("trace", header, events));
  RC_ASSERT(reader.header() == header);
  const auto back = read_events(reader);
  RC_ASSERT(back.size() == events.size());
  Recorder recorder;
  for (std::size_t i = 0; i < events.size(); ++i) {
    RC_ASSERT(same_content(back[i].event(), events[i].event()));
    RC_ASSERT(back[i].event().index == i);
    recorder.emit(events[i].event());
  }
  RC_ASSERT(reader.footer().hash == recorder.hash());
  RC_ASSERT(reader.footer().events == recorder.events());
  RC_ASSERT(reader.footer().level0_events == recorder.level0_events());
}

RC_GTEST_PROP(TraceFile, WithoutDetailKeepsLevelZeroUnderTheIndicesOfTheRun, ()) {
  const auto events = random_events();
  const std::string path = temporary_path("trace");
  Recorder recorder;  // detail is on: checkers want it, the file does not
  TraceWriter writer(path, TraceHeader{});
  recorder.attach(writer, event_types(true));
  for (const OwnedEvent& one : events) recorder.emit(one.event());
  writer.finish(recorder);
  TraceReader reader(path);
  const auto back = read_events(reader);
  std::size_t at = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (info(events[i].event().type).level != 0) continue;
    RC_ASSERT(at < back.size());
    RC_ASSERT(same_content(back[at].event(), events[i].event()));
    RC_ASSERT(back[at].event().index == i);
    ++at;
  }
  RC_ASSERT(at == back.size());
}

TEST(TraceFile, LongRunsSpanManyChunksAndAreDense) {
  constexpr unsigned kEvents = 100'000;
  const std::string path = temporary_path("trace");
  Recorder recorder;
  TraceWriter writer(path, TraceHeader{.detail = true});
  recorder.attach(writer, writer.types());
  for (unsigned i = 0; i < kEvents; ++i) {
    recorder.emit(Time{i * 1000LL}, NodeId{1},
                  ev::ScsiRequest{.partition = 2, .relid = 3, .transaction = i, .lba = 8ULL * i});
  }
  writer.finish(recorder);
  EXPECT_LT(std::filesystem::file_size(path), kEvents);
  TraceReader reader(path);
  std::uint64_t count = 0;
  while (const Event* event = reader.next()) {
    ASSERT_EQ(event->as<ev::ScsiRequest>()->lba, 8 * count);
    ASSERT_EQ(event->index, count++);
  }
  EXPECT_EQ(count, kEvents);
  EXPECT_EQ(reader.next(), nullptr);
}

TEST(TraceFile, EventsLargerThanAChunkSurvive) {
  const std::string line(1'000'000, 'x');
  const ev::GuestLog payload{.line = line};
  const OwnedEvent event(Event{.type = payload.kType, .payload = &payload});
  TraceReader reader(write_trace("trace", TraceHeader{}, {event, event}));
  EXPECT_EQ(reader.next()->as<ev::GuestLog>()->line, line);
  EXPECT_EQ(reader.next()->as<ev::GuestLog>()->line, line);
  EXPECT_EQ(reader.next(), nullptr);
}

TEST(TraceFile, NameAppearsOnlyWhenTheTraceIsComplete) {
  const std::string path = temporary_path("trace");
  std::filesystem::remove(path);
  Recorder recorder;
  TraceWriter writer(path, TraceHeader{});
  recorder.attach(writer, writer.types());
  recorder.emit(Time{}, NodeId{}, ev::NodePaused{});
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.finish(recorder);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(TraceFile, AbandonedWriterLeavesTheOldTraceAndNothingElse) {
  const std::string path = write_trace("trace", full_header(), {});
  const std::string before = testing::read_file(path);
  { TraceWriter writer(path, TraceHeader{}); }
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_EQ(testing::read_file(path), before);
}

TEST(TraceFile, UnwritablePlaceIsOneClearLine) {
  try {
    TraceWriter writer("/nonexistent/place/x.trace", TraceHeader{});
    FAIL() << "no error";
  } catch (const TraceError& error) {
    EXPECT_STREQ(error.what(),
                 "/nonexistent/place/x.trace: cannot create /nonexistent/place/x.trace.partial: "
                 "No such file or directory");
  }
}

TEST(TraceFile, FullDeviceIsReportedAtTheEndAndNotToTheWorld) {
  // /dev/full fails on every write that leaves the buffer; the link gives it the partial name.
  const std::string path = temporary_path("trace");
  std::filesystem::remove(path + ".partial");
  std::filesystem::create_symlink("/dev/full", path + ".partial");
  Recorder recorder;
  TraceWriter writer(path, TraceHeader{});
  recorder.attach(writer, writer.types());
  const std::string line(1'000'000, 'x');
  EXPECT_NO_THROW(recorder.emit(Time{}, NodeId{}, ev::GuestLog{.line = line}));
  try {
    writer.finish(recorder);
    FAIL() << "no error";
  } catch (const TraceError& error) {
    EXPECT_NE(std::string(error.what()).find("No space left on device"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TraceFileDeathTest, WriterThatMissedEventsIsADefect) {
  Recorder recorder;
  recorder.emit(Time{}, NodeId{}, ev::NodePaused{});
  TraceWriter writer(temporary_path("trace"), TraceHeader{});
  EXPECT_DEATH(writer.finish(recorder), "not attached for all events");
}

TEST(TraceFile, WhatIsNoTraceIsSaidSo) {
  const auto message_of = [](const std::string& path) -> std::string {
    try {
      TraceReader reader(path);
    } catch (const TraceError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message_of("/nonexistent.trace"),
            "/nonexistent.trace: cannot be opened: No such file or directory");
  const std::string path = temporary_path("yaml");
  std::ofstream(path) << "name: quickstart\n";
  EXPECT_EQ(message_of(path),
            path + ": byte 0: not a trace of hvsim; a file written by --trace would be right");
  const std::string directory = std::filesystem::path(path).parent_path().string();
  EXPECT_NE(message_of(directory).find("a regular file would be right"), std::string::npos)
      << message_of(directory);
}

}  // namespace
}  // namespace traces
