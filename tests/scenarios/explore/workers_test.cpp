// Worker processes that crash, hang, grow or are killed cost one worker, and are told of.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "scenarios/explore/workers.hpp"
#include "traces/assert.hpp"

namespace {

using scenarios::Channel;
using scenarios::WorkerLimits;
using scenarios::WorkerPool;
using std::chrono::milliseconds;

std::vector<std::byte> bytes(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::string open_descriptors() {
  std::string all;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    const int file = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && file != ::dirfd(folder)) all += std::to_string(file) + " ";
  }
  ::closedir(folder);
  return all;
}

/// Answers each message; some messages are fatal.
void obey(Channel& channel) {
  std::vector<std::byte> message;
  while (channel.receive(message)) {
    const std::string text(reinterpret_cast<const char*>(message.data()), message.size());
    if (text == "crash") HVSIM_ASSERT(text.empty(), "asked to crash");
    if (text == "throw") throw std::runtime_error("thrown in a world");
    if (text == "hang") {
      while (true) ::sleep(1);
    }
    if (text == "grow") {
      std::vector<char> large(768U << 20, 1);
      volatile char* const used = large.data();
      *used = 2;
      while (true) ::sleep(1);
    }
    if (text == "descriptors") {
      channel.send(bytes(open_descriptors()));
    } else {
      channel.send(bytes("did " + text));
    }
  }
}

struct Log final : WorkerPool::Listener {
  std::vector<std::string> messages;
  std::vector<std::pair<std::size_t, WorkerPool::Death>> deaths;
  void on_message(std::size_t, std::span<const std::byte> message) override {
    messages.emplace_back(reinterpret_cast<const char*>(message.data()), message.size());
  }
  void on_death(std::size_t worker, const WorkerPool::Death& death) override {
    deaths.emplace_back(worker, death);
  }
};

class Workers : public testing::Test {
 protected:
  static WorkerLimits limits() { return {milliseconds(4'000), 512ULL << 20}; }
  /// Until something was told, or for too long.
  void listen() {
    const std::size_t before = log.messages.size() + log.deaths.size();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (log.messages.size() + log.deaths.size() == before &&
           std::chrono::steady_clock::now() < end) {
      pool.turn(milliseconds(100), log);
    }
  }
  void ask(const std::string& text) {
    pool.set_busy(0, true);
    pool.send(0, bytes(text));
    listen();
  }

  Log log;
  WorkerPool pool{1, obey, limits()};
};

TEST_F(Workers, AnswerOneMessageAfterTheOther) {
  for (const char* text : {"a", "b", "c"}) pool.send(0, bytes(text));
  while (log.messages.size() < 3) listen();
  EXPECT_EQ(log.messages, (std::vector<std::string>{"did a", "did b", "did c"}));
  EXPECT_TRUE(log.deaths.empty());
}

TEST_F(Workers, HoldNoDescriptorButTheirEnds) {
  ask("descriptors");
  ASSERT_EQ(log.messages.size(), 1U);
  EXPECT_EQ(log.messages[0], "0 1 2 3 ");
}

TEST_F(Workers, ThatCrashAreReplacedAndTheirLastWordsTold) {
  const pid_t before = pool.process(0);
  ask("crash");
  ASSERT_EQ(log.deaths.size(), 1U);
  EXPECT_EQ(log.deaths[0].second.how, WorkerPool::End::Crashed);
  EXPECT_FALSE(log.deaths[0].second.killed);
  EXPECT_NE(log.deaths[0].second.text.find("signal 6"), std::string::npos);
  EXPECT_NE(log.deaths[0].second.output.find("asked to crash"), std::string::npos);
  EXPECT_NE(pool.process(0), before);
  ask("go on");
  EXPECT_EQ(log.messages, (std::vector<std::string>{"did go on"}));
}

TEST_F(Workers, ThatThrowHaveCrashed) {
  ask("throw");
  ASSERT_EQ(log.deaths.size(), 1U);
  EXPECT_EQ(log.deaths[0].second.how, WorkerPool::End::Crashed);
  EXPECT_NE(log.deaths[0].second.output.find("thrown in a world"), std::string::npos);
}

TEST_F(Workers, ThatHangAreEndedAndReplaced) {
  ask("hang");
  ASSERT_EQ(log.deaths.size(), 1U);
  EXPECT_EQ(log.deaths[0].second.how, WorkerPool::End::Hung);
  EXPECT_NE(log.deaths[0].second.text.find("limit 4000 ms"), std::string::npos);
  ask("go on");
  EXPECT_EQ(log.messages, (std::vector<std::string>{"did go on"}));
}

TEST_F(Workers, WithoutWorkDoNotHang) {
  pool.set_busy(0, false);
  for (int i = 0; i < 10; ++i) pool.turn(milliseconds(200), log);
  EXPECT_TRUE(log.deaths.empty());
}

TEST_F(Workers, ThatGrowBeyondTheLimitAreEndedAndReplaced) {
  ask("grow");
  ASSERT_EQ(log.deaths.size(), 1U);
  EXPECT_EQ(log.deaths[0].second.how, WorkerPool::End::TooLarge);
  EXPECT_NE(log.deaths[0].second.text.find("limit 512 MiB"), std::string::npos);
}

TEST_F(Workers, ThatSomebodyKillsAreToldApart) {
  pool.set_busy(0, true);
  pool.send(0, bytes("hang"));
  ::kill(pool.process(0), SIGKILL);
  listen();
  ASSERT_EQ(log.deaths.size(), 1U);
  EXPECT_TRUE(log.deaths[0].second.killed);
}

TEST(WorkerPools, LeaveNoProcessBehind) {
  pid_t process = 0;
  {
    WorkerPool pool(1, obey, WorkerLimits{});
    process = pool.process(0);
    pool.send(0, bytes("hang"));
  }
  EXPECT_EQ(::kill(process, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
