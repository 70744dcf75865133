// What happens to frames between hosts. A fault without `from` hits the frames of every host on the
// network, each once on its way.
#include "fault-injection/lists.hpp"

namespace faults {

namespace {

std::vector<sim::LinkEnd> ends_of(Field& field, const Strike& strike) {
  std::vector<sim::LinkEnd> ends;
  for (const std::string& host : field.hosts_of(strike.target)) {
    if (!strike.from.empty() && host != strike.from) continue;
    ends.push_back({field.link_of(strike.target, host), field.host(host)->id()});
  }
  return ends;
}

template <void (*kSet)(sim::LinkFaults&, const Strike&)>
void disturb(Field& field, const Strike& strike) {
  sim::LinkFaults faults;
  kSet(faults, strike);
  for (const sim::LinkEnd& end : ends_of(field, strike)) {
    field.network().set_rule(end, rule_of(strike), faults);
  }
}

void calm(Field& field, const Strike& strike) {
  for (const sim::LinkEnd& end : ends_of(field, strike)) {
    field.network().clear_rule(end, rule_of(strike));
  }
}

void lose(sim::LinkFaults& faults, const Strike& strike) { faults.loss = chance_of(strike); }
void duplicate(sim::LinkFaults& faults, const Strike& strike) {
  faults.duplication = chance_of(strike);
}
void reorder(sim::LinkFaults& faults, const Strike& strike) {
  faults.reordering = chance_of(strike);
}
void corrupt(sim::LinkFaults& faults, const Strike& strike) {
  faults.corruption = chance_of(strike);
}
void delay(sim::LinkFaults& faults, const Strike& strike) {
  faults.extra_delay = sim::Duration{strike.amount};
}
void slow(sim::LinkFaults& faults, const Strike& strike) {
  faults.bits_per_second = static_cast<std::uint64_t>(strike.amount);
}
void shrink_packets(sim::LinkFaults& faults, const Strike& strike) {
  faults.mtu = static_cast<std::uint32_t>(strike.amount);
}

std::vector<std::string> affected_links(Field& field, const Strike& strike) {
  if (strike.from.empty()) return field.links_of(strike.target);
  return {field.link_of(strike.target, strike.from)};
}

sim::NodeId sender(Field& field, const Strike& strike) {
  return strike.from.empty() ? sim::NodeId{} : field.host(strike.from)->id();
}

void cut(Field& field, const Strike& strike) {
  for (const std::string& link : affected_links(field, strike)) {
    field.network().cut(link, sender(field, strike), rule_of(strike));
  }
}

void heal(Field& field, const Strike& strike) {
  for (const std::string& link : affected_links(field, strike)) {
    field.network().heal(link, sender(field, strike), rule_of(strike));
  }
}

void cut_pair(Field& field, const Strike& strike) {
  const sim::NodeId a = field.host(strike.from)->id();
  const sim::NodeId b = field.host(strike.to)->id();
  field.network().cut_pair(field.link_of(strike.target, strike.from), a, b, rule_of(strike));
  field.network().cut_pair(field.link_of(strike.target, strike.to), b, a, rule_of(strike));
}

void heal_pair(Field& field, const Strike& strike) {
  const sim::NodeId a = field.host(strike.from)->id();
  const sim::NodeId b = field.host(strike.to)->id();
  field.network().heal_pair(field.link_of(strike.target, strike.from), a, b, rule_of(strike));
  field.network().heal_pair(field.link_of(strike.target, strike.to), b, a, rule_of(strike));
}

constexpr const char* kFlapping = "fault.flapping";

sim::Task<> flapping(Field* field, Strike strike) {
  const sim::Duration half{strike.amount / 2};
  for (;;) {
    cut(*field, strike);
    co_await field->actor().sleep(half);
    heal(*field, strike);
    co_await field->actor().sleep(half);
  }
}

void flap(Field& field, const Strike& strike) {
  field.actor().spawn(kFlapping, strike.number, flapping(&field, strike));
}

void stop_flapping(Field& field, const Strike& strike) {
  field.actor().cancel(kFlapping, strike.number);
  heal(field, strike);
}

Fault rule(const char* name, Magnitude magnitude, const char* what,
           void (*apply)(Field&, const Strike&)) {
  return {.name = name,
          .kind = Class::Network,
          .target = Target::Network,
          .one_way = true,
          .reversible = true,
          .magnitude = magnitude,
          .what = what,
          .apply = apply,
          .undo = calm};
}

}  // namespace

const std::vector<Fault>& network_faults() {
  constexpr Magnitude kShare{Amount::Chance, percent(1) / 10, percent(30), percent(5)};
  static const std::vector<Fault> all{
      rule("lose-frames", kShare, "frames of a network are lost and sent again", disturb<lose>),
      rule("duplicate-frames", kShare, "frames cross a network twice", disturb<duplicate>),
      rule("reorder-frames", kShare, "messages are late and others overtake them",
           disturb<reorder>),
      rule("corrupt-frames", kShare, "bits of frames flip; their checksums show it",
           disturb<corrupt>),
      rule("delay-frames",
           {Amount::Duration, 100 * kMicrosecond, 500 * kMillisecond, 20 * kMillisecond},
           "every frame of a network takes longer", disturb<delay>),
      rule("slow-link", {Amount::Rate, 1'000'000, 1'000'000'000, 100'000'000},
           "a network's links carry less", disturb<slow>),
      rule("clog", {Amount::Rate, 1'000, 100'000, 10'000}, "a network's links carry almost nothing",
           disturb<slow>),
      rule("mtu", {Amount::Size, 576, 1'400, 576},
           "packets are smaller: more headers, less payload", disturb<shrink_packets>),
      {.name = "cut-link",
       .kind = Class::Network,
       .target = Target::Network,
       .one_way = true,
       .reversible = true,
       .what = "a network carries no frames, or none from one host",
       .apply = cut,
       .undo = heal},
      {.name = "cut-pair",
       .kind = Class::Network,
       .target = Target::Network,
       .pair = true,
       .reversible = true,
       .what = "two hosts do not reach each other, while both reach everybody else",
       .apply = cut_pair,
       .undo = heal_pair},
      {.name = "flap",
       .kind = Class::Network,
       .target = Target::Network,
       .one_way = true,
       .reversible = true,
       .magnitude = {Amount::Duration, 2 * kMillisecond, 2 * kSecond, 200 * kMillisecond},
       .what = "a network goes down and up again, once per this time",
       .apply = flap,
       .undo = stop_flapping},
  };
  return all;
}

}  // namespace faults
