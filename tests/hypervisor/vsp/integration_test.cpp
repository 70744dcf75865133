// Integration components against a guest that answers as Linux does: negotiation, shutdown, VSS,
// one request at a time, and what a moving VM takes along.
#include <gtest/gtest.h>

#include "tests/hypervisor/vsp/ic_rig.hpp"

namespace {

using test::IcGuest;
using test::IcPair;
using test::IcRig;
using test::seconds;
using vsp::IcOutcome;
using vsp::ShutdownKind;
namespace icmsg = vsp::icmsg;

TEST(Negotiation, AgreesOnTheGuestsBestVersionOfEachComponent) {
  IcRig rig;
  rig.host.boot();
  EXPECT_TRUE(rig.host.time->ready());
  EXPECT_EQ(rig.host.time->message_version(), (icmsg::Version{4, 0}));
  EXPECT_EQ(rig.host.shutdown->message_version(), (icmsg::Version{3, 2}));
  EXPECT_EQ(rig.host.key_value->message_version(), (icmsg::Version{4, 0}));
  EXPECT_EQ(rig.host.vss->message_version(), (icmsg::Version{5, 0}));
}

TEST(Negotiation, FallsBackToAnOldGuestsVersions) {
  IcRig rig;
  for (auto& service : rig.host.guest.services) service.messages = {{1, 0}};
  rig.host.guest.make_clients();
  rig.host.boot();
  EXPECT_EQ(rig.host.time->message_version(), (icmsg::Version{1, 0}));
  EXPECT_EQ(rig.host.shutdown->message_version(), (icmsg::Version{1, 0}));
  EXPECT_EQ(rig.host.vss->state(), vsp::IntegrationComponent::State::Refused);
  const auto refused = rig.host.wait_for(rig.host.vss->freeze());
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->outcome, IcOutcome::NotConnected);
}

TEST(Negotiation, NothingIsSentBeforeItsAnswer) {
  IcRig rig;
  for (auto& service : rig.host.guest.services) service.client->set_silent(true);
  rig.host.boot();
  rig.world.run_for(seconds(20));
  EXPECT_TRUE(rig.host.guest.questions.empty());
  const auto asked = rig.host.wait_for(rig.host.shutdown->request_shutdown({}));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->outcome, IcOutcome::NotConnected);
}

TEST(Shutdown, SaysWhatIsWantedAndHearsTheGuestsAnswer) {
  IcRig rig;
  rig.host.boot();
  vsp::ShutdownRequest request;
  request.force = true;
  request.reason = 0x80040001;
  request.grace = seconds(60);
  request.message = "maintenance";
  const auto reply = rig.host.wait_for(rig.host.shutdown->request_shutdown(request));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->ok());
  const auto seen = rig.host.guest.last<icmsg::Shutdown>(icmsg::Type::Shutdown);
  EXPECT_EQ(seen.flags, 1u);
  EXPECT_EQ(seen.reason, 0x80040001u);
  EXPECT_EQ(seen.timeout_seconds, 60u);
  EXPECT_EQ(seen.message[0], std::byte{'m'});
  EXPECT_EQ(seen.message[2], std::byte{'a'});
  EXPECT_GE(rig.host.guest.questions.back().body.size(), 2060u) << "Linux drops shorter ones";
}

TEST(Shutdown, CanAskForARestartAndForHibernation) {
  IcRig rig;
  rig.host.boot();
  for (const auto& [kind, flags] : {std::pair{ShutdownKind::PowerOff, 0u},
                                    {ShutdownKind::Restart, 2u},
                                    {ShutdownKind::Hibernate, 4u}}) {
    ASSERT_TRUE(rig.host.wait_for(rig.host.shutdown->request_shutdown({.kind = kind}))->ok());
    EXPECT_EQ(rig.host.guest.last<icmsg::Shutdown>(icmsg::Type::Shutdown).flags, flags);
  }
}

TEST(Shutdown, AsksAnOldGuestForNothingThatItDoesNotKnow) {
  IcRig rig;
  rig.host.guest.services[IcGuest::kShutdown].messages = {{3, 1}};
  rig.host.guest.make_clients();
  rig.host.boot();
  EXPECT_TRUE(
      rig.host.wait_for(rig.host.shutdown->request_shutdown({.kind = ShutdownKind::Restart}))
          ->ok());
  const auto reply =
      rig.host.wait_for(rig.host.shutdown->request_shutdown({.kind = ShutdownKind::Hibernate}));
  EXPECT_EQ(reply->outcome, IcOutcome::NotSupported);
}

TEST(Shutdown, AGuestMayRefuse) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.answer_with = icmsg::kFailed;
  const auto reply = rig.host.wait_for(rig.host.shutdown->request_shutdown({}));
  EXPECT_EQ(reply->outcome, IcOutcome::Answered);
  EXPECT_EQ(reply->status, icmsg::kFailed);
  EXPECT_FALSE(reply->ok());
}

TEST(Shutdown, AMessageThatDoesNotFitIsInvalid) {
  IcRig rig;
  rig.host.boot();
  vsp::ShutdownRequest request;
  request.message = std::string(1024, 'x');
  EXPECT_EQ(rig.host.wait_for(rig.host.shutdown->request_shutdown(request))->outcome,
            IcOutcome::Invalid);
  request.message = std::string(1023, 'x');
  EXPECT_TRUE(rig.host.wait_for(rig.host.shutdown->request_shutdown(request))->ok());
  request.message = "\xff";
  EXPECT_EQ(rig.host.wait_for(rig.host.shutdown->request_shutdown(request))->outcome,
            IcOutcome::Invalid);
}

TEST(Conversation, IsGivenUpInTimeAndGoesOnWithTheNextQuestionAfterTheLateAnswer) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.holds_back = true;
  test::Collected<traces::ev::IcRequest> requests(rig.world.recorder);
  const auto first = rig.host.wait_for(rig.host.shutdown->request_shutdown({}), seconds(40));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->outcome, IcOutcome::TimedOut);
  EXPECT_TRUE(rig.host.shutdown->busy()) << "the guest still works on it";
  std::optional<vsp::IcReply> second;
  rig.host.machine.host.spawn("second", 0,
                              test::IcHost::keep(rig.host.shutdown->request_shutdown({}), second));
  rig.world.run();
  EXPECT_EQ(requests.seen.size(), 1u) << "one request at a time";
  rig.host.guest.holds_back = false;
  rig.host.guest.answer_held();
  rig.world.run();
  EXPECT_EQ(requests.seen.size(), 2u);
  EXPECT_FALSE(rig.host.shutdown->busy());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->ok());
}

TEST(Conversation, AQuestionThatNobodyAsksAnyMoreIsNotSent) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.holds_back = true;
  test::Collected<traces::ev::IcRequest> requests(rig.world.recorder);
  EXPECT_FALSE(rig.host.wait_for(rig.host.vss->freeze())) << "with the guest";
  EXPECT_FALSE(rig.host.wait_for(rig.host.vss->thaw())) << "behind it; both are cancelled";
  rig.host.guest.answer_held();
  rig.world.run();
  EXPECT_EQ(requests.seen.size(), 1u);
  EXPECT_TRUE(rig.host.vss->frozen());
}

TEST(Conversation, EndsWithTheChannel) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.holds_back = true;
  std::optional<vsp::VssResult> result;
  rig.host.machine.host.spawn("freeze", 0, test::IcHost::keep(rig.host.vss->freeze(), result));
  rig.world.run();
  rig.host.guest.bus->close(rig.host.guest.services[IcGuest::kVss].relid);
  rig.world.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, IcOutcome::NotConnected);
}

TEST(Conversation, OutlivesItsComponent) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.holds_back = true;
  std::optional<vsp::VssResult> result;
  rig.host.machine.host.spawn("freeze", 0, test::IcHost::keep(rig.host.vss->freeze(), result));
  rig.world.run();
  rig.host.machine.server->remove_device("vss");
  rig.host.vss.reset();
  rig.world.run();
  ASSERT_TRUE(result);
  EXPECT_NE(result->outcome, IcOutcome::Answered);
}

TEST(Vss, FreezesAndThaws) {
  IcRig rig;
  rig.host.boot();
  EXPECT_TRUE(rig.host.wait_for(rig.host.vss->check_hot_backup())->ok());
  EXPECT_FALSE(rig.host.vss->frozen());
  EXPECT_TRUE(rig.host.wait_for(rig.host.vss->freeze())->ok());
  EXPECT_TRUE(rig.host.vss->frozen());
  EXPECT_EQ(rig.host.guest.last<icmsg::Vss>(icmsg::Type::Vss).operation,
            icmsg::VssOperation::Freeze);
  EXPECT_TRUE(rig.host.wait_for(rig.host.vss->thaw())->ok());
  EXPECT_FALSE(rig.host.vss->frozen());
  EXPECT_TRUE(rig.host.wait_for(rig.host.vss->complete_backup())->ok());
}

TEST(Vss, AFreezeThatTheGuestRefusesFreezesNothing) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.answer_with = icmsg::kFailed;
  EXPECT_FALSE(rig.host.wait_for(rig.host.vss->freeze())->ok());
  EXPECT_FALSE(rig.host.vss->frozen());
}

TEST(Vss, WaitsAsLongAsAGuestMayTakeToFreeze) {
  IcRig rig;
  rig.host.boot();
  rig.host.guest.holds_back = true;
  const auto start = rig.world.world.now();
  const auto result = rig.host.wait_for(rig.host.vss->freeze(), seconds(1000));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, IcOutcome::TimedOut);
  EXPECT_GE(rig.world.world.now() - start, seconds(900));
  EXPECT_LT(rig.world.world.now() - start, seconds(901));
}

TEST(MovingComponents, KeepTheirVersionsAndTheFrozenGuest) {
  IcPair pair;
  ASSERT_TRUE(pair.source.wait_for(pair.source.vss->freeze())->ok());
  ASSERT_TRUE(pair.move());
  pair.target.machine.boot();
  pair.world.run();
  EXPECT_EQ(pair.target.shutdown->message_version(), (icmsg::Version{3, 2}));
  EXPECT_TRUE(pair.target.vss->frozen());
  EXPECT_TRUE(pair.target.wait_for(pair.target.vss->thaw())->ok());
  EXPECT_TRUE(pair.target.wait_for(pair.target.shutdown->request_shutdown({}))->ok());
}

/// What a guest's memory holds in the end: of one that moved, and of one that stood still as long.
TEST(MovingComponents, LeaveTheGuestAsAPauseWould) {
  const auto life = [](bool moves) {
    IcPair pair;
    EXPECT_TRUE(
        pair.source.wait_for(pair.source.key_value->set(vsp::KvpPool::External, {"before", "1"}))
            ->ok());
    pair.world.run_for(seconds(7));
    if (moves) {
      EXPECT_TRUE(pair.move());
    } else {
      pair.source.machine.suspend_and_drain();
    }
    test::IcHost& host = moves ? pair.target : pair.source;
    const sim::Time resumed{9'000'000'000};
    pair.world.world.run_until(resumed);
    host.machine.boot();
    pair.world.run_for(seconds(12));
    EXPECT_TRUE(host.wait_for(host.key_value->set(vsp::KvpPool::External, {"after", "2"}))->ok());
    EXPECT_TRUE(host.wait_for(host.vss->freeze())->ok());
    host.machine.suspend_and_drain();
    return host.machine.memory->digest();
  };
  EXPECT_EQ(life(true), life(false));
}

TEST(MovingComponents, DoNotAskBeforeTheOtherHostsQuestionIsAnswered) {
  IcPair pair;
  pair.source.guest.holds_back = true;
  std::optional<vsp::VssResult> result;
  pair.source.machine.host.spawn("freeze", 0,
                                 test::IcHost::keep(pair.source.vss->freeze(), result));
  pair.world.run();
  ASSERT_EQ(pair.source.guest.held.size(), 1u);
  ASSERT_TRUE(pair.move());
  pair.source.machine.server.reset();  // as a host does with what is left of a VM that has gone
  pair.source.vss.reset();
  pair.target.machine.boot();
  pair.world.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, IcOutcome::Interrupted);
  EXPECT_TRUE(pair.target.vss->busy());
  EXPECT_FALSE(pair.target.wait_for(pair.target.vss->thaw()));
  EXPECT_TRUE(pair.target.guest.questions.empty() ||
              pair.target.guest.questions.back().header.type != icmsg::Type::Vss);
  // The guest's own memory of the question moved with it.
  auto& client = *pair.target.guest.services[IcGuest::kVss].client;
  client.answer(pair.source.guest.held.front().second, 0);
  pair.world.run();
  EXPECT_TRUE(pair.target.vss->frozen());
}

TEST(ComponentPlants, AskTwoThingsAtATime) {
  IcRig rig({"ic.two-at-a-time"});
  rig.host.boot();
  rig.host.guest.holds_back = true;
  EXPECT_FALSE(rig.host.wait_for(rig.host.vss->freeze()));
  EXPECT_FALSE(rig.host.wait_for(rig.host.vss->thaw()));
  EXPECT_EQ(rig.host.guest.held.size(), 2u) << "the second did not wait for the first";
}

TEST(ComponentPlants, ForgetWhatIsOpenOnTheWay) {
  IcPair pair({"ic.restore-forgets-request"});
  pair.source.guest.holds_back = true;
  EXPECT_FALSE(pair.source.wait_for(pair.source.vss->freeze()));
  ASSERT_TRUE(pair.move());
  EXPECT_FALSE(pair.target.vss->busy());
}

}  // namespace
