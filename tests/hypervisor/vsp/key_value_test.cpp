// Key-value pairs against a guest that keeps its pools as Linux's daemon does, and against one that
// answers anything at all.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "hypervisor/vsp/utf16.hpp"
#include "tests/hypervisor/vsp/ic_rig.hpp"

namespace {

using test::IcRig;
using test::seconds;
using vsp::IcOutcome;
using vsp::KvpItem;
using vsp::KvpPool;
using vsp::KvpType;
namespace icmsg = vsp::icmsg;

struct Pools : IcRig {
  explicit Pools(std::set<std::string, std::less<>> plants = {}) : IcRig(std::move(plants)) {
    host.boot();
  }
  vsp::KvpResult set(const KvpItem& item, KvpPool pool = KvpPool::External) {
    return host.wait_for(host.key_value->set(pool, item)).value();
  }
  vsp::KvpResult get(const std::string& key, KvpPool pool = KvpPool::External) {
    return host.wait_for(host.key_value->get(pool, key)).value();
  }
  vsp::KvpResult find(const std::string& key, KvpPool pool = KvpPool::External) {
    return host.wait_for(host.key_value->find(pool, key), seconds(60)).value();
  }
  vsp::KvpResult remove(const std::string& key, KvpPool pool = KvpPool::External) {
    return host.wait_for(host.key_value->remove(pool, key)).value();
  }
  vsp::KvpList items(KvpPool pool = KvpPool::External) {
    return host.wait_for(host.key_value->items(pool), seconds(60)).value();
  }
};

TEST(KeyValue, ReadsWhatWasSet) {
  Pools pools;
  ASSERT_TRUE(pools.set({"name", "first"}).ok());
  ASSERT_TRUE(pools.set({"name", "second"}).ok());
  const auto read = pools.get("name");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read.item, (KvpItem{"name", "second"}));
  EXPECT_TRUE(pools.get("other").none());
  EXPECT_TRUE(pools.get("name", KvpPool::Guest).none()) << "pools are apart";
}

TEST(KeyValue, ListsAPoolToItsEnd) {
  Pools pools;
  EXPECT_TRUE(pools.items().items.empty());
  const std::vector<KvpItem> all = {{"a", "1"}, {"b", ""}, {"c", "3"}};
  for (const auto& item : all) ASSERT_TRUE(pools.set(item).ok());
  const auto list = pools.items();
  EXPECT_TRUE(list.end.none()) << "the status behind the last item";
  EXPECT_EQ(list.items, all);
}

TEST(KeyValue, FindsAnItemByItsKeyAmongOthers) {
  Pools pools;
  EXPECT_TRUE(pools.find("b").none());
  for (const KvpItem& item : {KvpItem{"a", "1"}, {"b", "2"}, {"c", "3"}}) pools.set(item);
  ASSERT_TRUE(pools.find("b").ok());
  EXPECT_EQ(*pools.find("b").item, (KvpItem{"b", "2"}));
  EXPECT_TRUE(pools.find("d").none());
  EXPECT_TRUE(pools.find("b", KvpPool::Guest).none());
}

TEST(KeyValue, RemovesWhatIsThere) {
  Pools pools;
  pools.set({"a", "1"});
  EXPECT_TRUE(pools.remove("a").ok());
  EXPECT_TRUE(pools.remove("a").none());
  EXPECT_TRUE(pools.get("a").none());
}

TEST(KeyValue, CarriesNumbersInTheirOwnForm) {
  Pools pools;
  ASSERT_TRUE(pools.set({"n", "4294967295", KvpType::Number32}).ok());
  EXPECT_EQ(pools.host.guest.pools[0].at(0).second.type, 4u);
  EXPECT_EQ(pools.host.guest.pools[0].at(0).second.value_bytes, 4u);
  EXPECT_EQ(pools.get("n").item, (KvpItem{"n", "4294967295", KvpType::Number32}));
  ASSERT_TRUE(pools.set({"n", "18446744073709551615", KvpType::Number64}).ok());
  EXPECT_EQ(pools.get("n").item, (KvpItem{"n", "18446744073709551615", KvpType::Number64}));
  EXPECT_EQ(pools.set({"n", "4294967296", KvpType::Number32}).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.set({"n", "-1", KvpType::Number64}).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.set({"n", "", KvpType::Number64}).outcome, IcOutcome::Invalid);
}

TEST(KeyValue, KeepsToTheLimitsOfKeysAndValues) {
  Pools pools;
  EXPECT_TRUE(pools.set({std::string(255, 'k'), std::string(1023, 'v')}).ok());
  EXPECT_EQ(pools.get(std::string(255, 'k')).item->value.size(), 1023u);
  EXPECT_EQ(pools.set({std::string(256, 'k'), "v"}).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.set({"k", std::string(1024, 'v')}).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.set({"", "v"}).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.get("").outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.remove(std::string(256, 'k')).outcome, IcOutcome::Invalid);
  EXPECT_EQ(pools.set({"k", "\xC3"}).outcome, IcOutcome::Invalid) << "half a character";
}

TEST(KeyValue, SpeaksEveryLanguage) {
  Pools pools;
  const KvpItem item{"Schlüssel", "значение 値 🗝"};
  ASSERT_TRUE(pools.set(item).ok());
  EXPECT_EQ(*pools.get(item.key).item, item);
}

TEST(KeyValue, IsGivenUpAfter30Seconds) {
  Pools pools;
  pools.host.guest.holds_back = true;
  const auto start = pools.world.world.now();
  const auto result =
      pools.host.wait_for(pools.host.key_value->get(KvpPool::Guest, "k"), seconds(40));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, IcOutcome::TimedOut);
  EXPECT_GE(pools.world.world.now() - start, seconds(30));
  EXPECT_LT(pools.world.world.now() - start, seconds(31));
}

TEST(KeyValue, ThePlantLeavesTheEndOfAKeyOut) {
  Pools pools({"kvp.size-without-end"});
  pools.set({"ab", "1"});
  EXPECT_EQ(pools.host.guest.pools[0].at(0).first.size(), 4u);
  Pools plain;
  plain.set({"ab", "1"});
  EXPECT_EQ(plain.host.guest.pools[0].at(0).first.size(), 6u);
}

/// A guest that answers a read with whatever bytes it likes.
RC_GTEST_PROP(KeyValueProperty, NoAnswerBreaksTheHost, ()) {
  Pools pools;
  pools.host.guest.holds_back = true;
  std::optional<vsp::KvpResult> result;
  pools.host.machine.host.spawn(
      "read", 0, test::IcHost::keep(pools.host.key_value->item(KvpPool::Auto, 0), result));
  pools.world.run();
  RC_ASSERT(pools.host.guest.held.size() == 1u);
  auto question = pools.host.guest.held.front().second;
  const auto bytes = *rc::gen::inRange<std::size_t>(0, question.body.size() + 1);
  question.body.resize(bytes);
  const auto junk = *rc::gen::container<std::vector<std::uint8_t>>(
      std::min<std::size_t>(bytes, 40), rc::gen::arbitrary<std::uint8_t>());
  for (std::size_t i = 0; i < junk.size(); ++i) question.body[i] = std::byte{junk[i]};
  pools.host.guest.services[test::IcGuest::kKeyValue].client->answer(question, 0);
  pools.world.run();
  RC_ASSERT(result.has_value());
  RC_ASSERT(result->outcome == IcOutcome::Answered);
  RC_ASSERT(result->ok() == result->item.has_value());
}

/// A guest that writes whatever packets it likes, at any time.
RC_GTEST_PROP(ComponentProperty, NoPacketBreaksTheHost, ()) {
  Pools pools;
  for (int i = 0; i < 20; ++i) {
    const auto which = *rc::gen::inRange<std::size_t>(0, test::IcGuest::kServices);
    std::vector<std::byte> payload;
    vmbus::protocol::PipeHeader pipe;
    icmsg::Header header;
    header.type = static_cast<icmsg::Type>(*rc::gen::inRange(0, 8));
    header.flags = *rc::gen::arbitrary<std::uint8_t>();
    header.status = *rc::gen::arbitrary<std::uint32_t>();
    icmsg::append(payload, pipe);
    icmsg::append(payload, header);
    for (const auto byte : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) {
      payload.push_back(std::byte{byte});
    }
    payload.resize(*rc::gen::inRange<std::size_t>(0, payload.size() + 1));
    vmbus::PacketOut out;
    out.transaction = *rc::gen::inRange<std::uint64_t>(0, 6);
    out.payload = payload;
    pools.host.guest.bus->send(pools.host.guest.services[which].relid, out);
    pools.world.run_for({1'000'000});
  }
  RC_ASSERT(pools.set({"still", "alive"}).ok());
}

RC_GTEST_PROP(Utf16Property, TextComesBackAsItWent, ()) {
  std::string text;
  for (const auto code : *rc::gen::container<std::vector<std::uint32_t>>(
           rc::gen::inRange<std::uint32_t>(1, 0x110000))) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::vector<std::byte> wide;
    const auto put = [&](std::uint32_t unit) {
      wide.push_back(static_cast<std::byte>(unit & 0xFF));
      wide.push_back(static_cast<std::byte>(unit >> 8));
    };
    if (code < 0x10000) {
      put(code);
    } else {
      put(0xD7C0 + (code >> 10));
      put(0xDC00 + (code & 0x3FF));
    }
    text += vsp::utf8_of(wide).value();
  }
  const auto wide = vsp::utf16_of(text);
  RC_ASSERT(wide.has_value());
  RC_ASSERT(vsp::utf8_of(*wide) == text);
}

TEST(Utf16, RefusesWhatIsNoText) {
  for (const std::string bad :
       {"\x80", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    EXPECT_FALSE(vsp::utf16_of(bad)) << bad;
  }
  EXPECT_FALSE(vsp::utf16_of(std::string("a\0b", 3)));
  const std::byte lone[] = {std::byte{0x00}, std::byte{0xDC}};
  EXPECT_FALSE(vsp::utf8_of(lone));
  const std::byte open[] = {std::byte{0x00}, std::byte{0xD8}};
  EXPECT_FALSE(vsp::utf8_of(open));
}

}  // namespace
