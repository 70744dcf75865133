#include "traces/file.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
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

/// Its seed and how many events are in it, once all of it has been read and checked.
std::pair<std::uint64_t, std::uint64_t> read_whole(const std::string& path) {
  TraceReader reader(path);
  const auto events = read_events(reader);
  return {reader.header().seed, events.size()};
}

TEST(TraceFile, TwoWritersOfOnePathDoNotMeetAndTheLastToFinishWins) {
  const std::string path = temporary_path("trace");
  std::filesystem::remove(path);
  const auto header = [](std::uint64_t seed) {
    TraceHeader made;
    made.seed = seed;
    return made;
  };
  const std::string line(300'000, 'x');  // past every buffer, so that both files grow in turns
  Recorder early, late;
  TraceWriter first(path, header(1));
  TraceWriter second(path, header(2));
  early.attach(first, first.types());
  late.attach(second, second.types());
  for (int i = 0; i < 10; ++i) {
    early.emit(Time{}, NodeId{}, ev::GuestLog{.line = line + std::to_string(i)});
    late.emit(Time{}, NodeId{}, ev::GuestLog{.line = line + std::to_string(i * i)});
  }
  first.finish(early);
  EXPECT_EQ(read_whole(path), std::pair(std::uint64_t{1}, std::uint64_t{10}));
  second.finish(late);
  EXPECT_EQ(read_whole(path), std::pair(std::uint64_t{2}, std::uint64_t{10}));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_FALSE(std::filesystem::exists(path + ".2.partial"));
}

/// A process that writes a trace at `path`, until it is killed.
class OtherWriter {
 public:
  explicit OtherWriter(const std::string& path) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const TraceWriter writer(path, TraceHeader{});
      EXPECT_EQ(::write(ready[1], "!", 1), 1);
      for (;;) ::pause();
    }
    char said = 0;
    EXPECT_EQ(::read(ready[0], &said, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  void kill() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_ = 0;
};

TEST(TraceFile, WhatKilledWritersLeftIsRemovedByTheNextOne) {
  const std::string path = temporary_path("trace");
  OtherWriter first(path);
  OtherWriter second(path);
  OtherWriter third(path);
  first.kill();
  third.kill();
  ASSERT_TRUE(std::filesystem::exists(path + ".partial"));
  ASSERT_TRUE(std::filesystem::exists(path + ".3.partial"));
  write_trace("trace", full_header(), {});
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_TRUE(std::filesystem::exists(path + ".2.partial")) << "its writer is at work";
  EXPECT_FALSE(std::filesystem::exists(path + ".3.partial"));
  second.kill();
  write_trace("trace", full_header(), {});
  EXPECT_FALSE(std::filesystem::exists(path + ".2.partial"));
}

TEST(TraceFile, WhatHasTheUnfinishedNameAlreadyIsLeftAlone) {
  const std::string path = temporary_path("trace");
  const std::string partial = path + ".partial";
  std::ofstream(partial) << "the user's own";
  write_trace("trace", full_header(), {});
  EXPECT_EQ(testing::read_file(partial), "the user's own");
  std::filesystem::remove(partial);

  const std::string elsewhere = temporary_path("elsewhere");
  std::ofstream(elsewhere) << "somebody else's";
  std::filesystem::create_symlink(elsewhere, partial);
  write_trace("trace", full_header(), {});
  EXPECT_EQ(testing::read_file(elsewhere), "somebody else's");
  EXPECT_TRUE(std::filesystem::is_symlink(partial));
  EXPECT_FALSE(std::filesystem::is_symlink(path));
  std::filesystem::remove(partial);
  std::filesystem::remove(elsewhere);
}

/// As on a full disk: no file of this process can grow beyond these bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_action_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_action_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_action_)(int);
};

TEST(TraceFile, FullDiskIsReportedAtTheEndAndNotToTheWorld) {
  const std::string path = temporary_path("trace");
  std::filesystem::remove(path);
  std::string told;
  {
    const FileSizeLimit full(100);
    Recorder recorder;
    TraceWriter writer(path, TraceHeader{});
    recorder.attach(writer, writer.types());
    const std::string line(1'000'000, 'x');
    EXPECT_NO_THROW(recorder.emit(Time{}, NodeId{}, ev::GuestLog{.line = line}));
    try {
      writer.finish(recorder);
    } catch (const TraceError& error) {
      told = error.what();
    }
  }
  EXPECT_NE(told.find("File too large"), std::string::npos) << told;
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
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
