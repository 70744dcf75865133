#include <gtest/gtest.h>

#include <string>

#include "checkers/makers.hpp"
#include "tests/checkers/ic_stream.hpp"

namespace checkers {
namespace {

using testing::IcStream;
using Words = std::vector<std::uint64_t>;

constexpr const char* kKeyValue = "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6";
constexpr std::uint32_t kNone = 0x80070103;
enum Operation : std::uint8_t { kGet, kSet, kDelete, kEnumerate };

class KeyValues : public ::testing::Test {
 protected:
  static constexpr std::size_t kBytes = 4 + 4 + 12 + 512 + 2048;

  KeyValues() { stream.agree(4); }
  static void put_text(std::vector<std::byte>& body, std::size_t at, const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) body[at + 2 * i] = std::byte(text[i]);
  }
  static void put_size(std::vector<std::byte>& body, std::size_t at, std::size_t size) {
    const auto number = static_cast<std::uint32_t>(size);
    std::memcpy(body.data() + at, &number, 4);
  }
  /// An item at an offset; `cut` is what its key's size lacks.
  static std::vector<std::byte> item(std::uint8_t operation, std::size_t at, const std::string& key,
                                     const std::string& value, std::size_t cut = 0) {
    std::vector<std::byte> body(kBytes);
    body[0] = std::byte{operation};
    body[at] = std::byte{1};
    put_size(body, at + 4, 2 * key.size() + 2 - cut);
    put_size(body, at + 8, 2 * value.size() + 2);
    put_text(body, at + 12, key);
    put_text(body, at + 12 + 512, value);
    return body;
  }
  std::uint64_t say(bool host, std::vector<std::byte> body, std::uint32_t status = 0) {
    body.resize((body.size() + 7) / 8 * 8);
    Words words(body.size() / 8);
    std::memcpy(words.data(), body.data(), body.size());
    const testing::IcWords message{.type = 2,
                                   .version = 4,
                                   .flags = static_cast<std::uint8_t>(host ? 3 : 5),
                                   .status = status,
                                   .body = words};
    return host ? stream.host(++transaction, message) : stream.guest(transaction, message);
  }
  void set(const std::string& key, const std::string& value) {
    say(true, item(kSet, 4, key, value));
    say(false, item(kSet, 4, key, value));
  }
  std::uint64_t get(const std::string& key, const std::string& value, std::uint32_t status = 0) {
    say(true, item(kGet, 4, key, ""));
    return say(false, item(kGet, 4, key, value), status);
  }
  std::uint64_t list(std::uint32_t index, const std::string& key, const std::string& value,
                     std::uint32_t status = 0) {
    auto question = item(kEnumerate, 8, "", "");
    put_size(question, 4, index);
    say(true, question);
    return say(false, item(kEnumerate, 8, key, value), status);
  }
  std::uint64_t remove(const std::string& key, std::uint32_t status = 0) {
    std::vector<std::byte> body(kBytes);
    body[0] = std::byte{kDelete};
    put_size(body, 4, 2 * key.size() + 2);
    put_text(body, 8, key);
    say(true, body);
    return say(false, body, status);
  }
  IcStream stream{make_ic4(), kKeyValue};
  std::uint64_t transaction = 1;
};

TEST_F(KeyValues, ThatAreReadAsTheyWereWrittenHold) {
  set("a", "1");
  set("b", "2");
  get("a", "1");
  list(0, "b", "2");
  list(1, "a", "1");
  list(2, "", "", kNone);
  remove("a");
  get("a", "", kNone);
  list(1, "", "", kNone);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
  EXPECT_EQ(stream.conclude().measured, "9 requests, 3 values compared");
}

TEST_F(KeyValues, WithAnotherValueAreBlamed) {
  set("a", "1");
  EXPECT_TRUE(stream.blames(get("a", "2")));
}

TEST_F(KeyValues, WithAnotherValueInAListAreBlamed) {
  set("a", "1");
  EXPECT_TRUE(stream.blames(list(0, "a", "2")));
}

TEST_F(KeyValues, ThatAreNotThereAreBlamed) {
  set("a", "1");
  EXPECT_TRUE(stream.blames(get("a", "", kNone)));
}

TEST_F(KeyValues, ThatCannotBeRemovedAreBlamed) {
  set("a", "1");
  EXPECT_TRUE(stream.blames(remove("a", kNone)));
}

TEST_F(KeyValues, OfAListThatEndsEarlyAreBlamed) {
  set("a", "1");
  set("b", "1");
  EXPECT_TRUE(stream.blames(list(1, "", "", kNone)));
}

TEST_F(KeyValues, WhoseSizeLeavesTheEndOutAreBlamed) {
  EXPECT_TRUE(stream.blames(say(true, item(kSet, 4, "a", "1", 2))));
}

TEST_F(KeyValues, OfPoolsThatTheGuestFillsMayChange) {
  auto written = item(kSet, 4, "a", "1");
  auto read = item(kGet, 4, "a", "2");
  written[1] = read[1] = std::byte{1};
  say(true, written);
  say(false, written);
  say(true, read);
  say(false, read);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

TEST_F(KeyValues, AreForgottenWhenTheGuestBeginsAnew) {
  set("a", "1");
  stream.agree(4);
  transaction = 1;
  get("a", "", kNone);
  EXPECT_EQ(stream.verdict(), Verdict::Holds);
}

}  // namespace
}  // namespace checkers
