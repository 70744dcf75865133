// What comes over the network is not believed.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "hypervisor/migration/protocol.hpp"

namespace {

migration::Hello example() {
  migration::Hello hello;
  hello.job = 7;
  hello.config.number = 3;
  hello.config.name = "web";
  hello.config.guest = "worker";
  hello.config.guest_parameters = {1, 2, 3};
  hello.config.memory_pages = 16384;
  hello.config.disks = {"disk1", "disk2"};
  return hello;
}

std::vector<std::byte> encoded(const migration::Hello& hello) {
  traces::ByteWriter out;
  hello.encode(out);
  return out.take();
}

TEST(MigrationProtocol, HelloComesBackAsItWas) {
  const auto back = migration::Hello::decode(encoded(example()));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->job, 7U);
  EXPECT_EQ(back->config.number, 3U);
  EXPECT_EQ(back->config.name, "web");
  EXPECT_EQ(back->config.guest_parameters, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(back->config.disks, (std::vector<std::string>{"disk1", "disk2"}));
  EXPECT_EQ(encoded(*back), encoded(example()));
}

TEST(MigrationProtocol, AdaptersAndIntegrationServicesComeBackToo) {
  migration::Hello hello = example();
  hello.config.services = migration::service::kShutdown | migration::service::kVss;
  const auto plain = migration::Hello::decode(encoded(hello));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->config.services, hello.config.services);
  hello.config.nics = {{"lan", sim::MacAddress::of(0x00155D000001)}};
  const auto back = migration::Hello::decode(encoded(hello));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->config.services, hello.config.services);
  ASSERT_EQ(back->config.nics.size(), 1U);
  hello.config.services = migration::service::kAll + 1;
  EXPECT_FALSE(migration::Hello::decode(encoded(hello)).has_value());
}

TEST(MigrationProtocol, EveryTruncationOfAHelloIsRefused) {
  const auto bytes = encoded(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(migration::Hello::decode(std::span(bytes).first(size)).has_value()) << size;
  }
}

TEST(MigrationProtocol, BytesBehindAHelloAreRefused) {
  auto bytes = encoded(example());
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(migration::Hello::decode(bytes).has_value());
}

RC_GTEST_PROP(MigrationProtocol, ArbitraryBytesNeverDecodeToAnInsaneConfiguration,
              (std::vector<std::uint8_t> noise)) {
  auto bytes = encoded(example());
  for (std::size_t i = 0; i + 1 < noise.size(); i += 2) {
    bytes[noise[i] % bytes.size()] = std::byte{noise[i + 1]};
  }
  const auto back = migration::Hello::decode(bytes);
  if (!back) return;
  RC_ASSERT(back->config.number != 0U);
  RC_ASSERT(back->config.memory_pages > 0U);
  RC_ASSERT(back->config.memory_pages <= (1ULL << 28));
  RC_ASSERT(back->config.processors >= 1U);
  RC_ASSERT(back->config.processors <= 64U);
}

TEST(MigrationProtocol, StateComesBackAndTruncationIsRefused) {
  migration::StateMessage state;
  state.memory = {1, 2};
  state.pages = 9;
  state.state = {std::byte{5}, std::byte{6}};
  traces::ByteWriter out;
  state.encode(out);
  const auto back = migration::StateMessage::decode(out.bytes());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->memory, state.memory);
  EXPECT_EQ(back->state, state.state);
  for (std::size_t size = 0; size < out.bytes().size(); ++size) {
    EXPECT_FALSE(migration::StateMessage::decode(std::span(out.bytes()).first(size)).has_value());
  }
}

TEST(MigrationProtocol, NumbersMustBeExactlyAsManyAsAsked) {
  const sim::Message two = migration::make_numbers(migration::Kind::RoundEnd, {1, 2});
  EXPECT_TRUE(migration::numbers_of(two, 2).has_value());
  EXPECT_FALSE(migration::numbers_of(two, 1).has_value());
  EXPECT_FALSE(migration::numbers_of(two, 3).has_value());
}

}  // namespace
