#include "sim/net/link_faults.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "traces/assert.hpp"
#include "traces/events.hpp"

namespace sim::net {
namespace {

bool can_happen(Chance chance) { return chance.numerator != 0; }

void report(World& world, const Node& sender, const Direction& direction, const Attempt& attempt,
            std::string_view fault, const std::string& what) {
  const std::string target = direction.link + " from " + direction.from->name();
  const std::string detail = "stream " + std::to_string(attempt.stream) + " message " +
                             std::to_string(attempt.message) + " attempt " +
                             std::to_string(attempt.number) + what;
  traces::ev::FaultFired event;
  event.fault = fault;
  event.target = target;
  event.detail = detail;
  world.emit(sender.id(), event);
}

std::string some_of(unsigned some, unsigned all) {
  return ": " + std::to_string(some) + " of " + std::to_string(all) + " chunks";
}

Draw draw(const World& world, std::string_view stream, const Attempt& attempt) {
  return world.random().draw(stream, attempt.stream, attempt.message, attempt.number);
}

/// One choice per chunk, bit per chunk.
std::uint64_t choose_chunks(Draw draw, Chance chance, unsigned chunks) {
  std::uint64_t chosen = 0;
  for (unsigned chunk = 0; chunk < chunks; ++chunk) {
    if (draw.happens(chance)) chosen |= std::uint64_t{1} << chunk;
  }
  return chosen;
}

}  // namespace

unsigned chunks_of(std::uint64_t bytes) {
  const std::uint64_t chunks = bytes / kChunkBytes + (bytes % kChunkBytes != 0 ? 1 : 0);
  return static_cast<unsigned>(std::clamp<std::uint64_t>(chunks, 1, kMaxChunkDraws));
}

std::uint64_t share_of(std::uint64_t bytes, unsigned some, unsigned chunks) {
  HVSIM_ASSERT(some <= chunks && chunks > 0, "a part is not more than the whole");
  return bytes / chunks * some + bytes % chunks * some / chunks;
}

Verdict judge(World& world, const Node& sender, const Path& path, const Attempt& attempt,
              std::uint64_t bytes) {
  Verdict verdict;
  verdict.chunks = chunks_of(bytes);
  for (const Direction* direction : path.hops) {
    const LinkFaults& faults = direction->faults;
    if (can_happen(faults.loss)) {
      const std::uint64_t lost =
          choose_chunks(draw(world, direction->loss_draws, attempt), faults.loss, verdict.chunks);
      verdict.lost |= lost;
      if (lost != 0) {
        const auto count = static_cast<unsigned>(std::popcount(lost));
        report(world, sender, *direction, attempt, "net.loss", some_of(count, verdict.chunks));
      }
    }
    if (can_happen(faults.duplication)) {
      const std::uint64_t twice = choose_chunks(draw(world, direction->duplication_draws, attempt),
                                                faults.duplication, verdict.chunks);
      const auto count = static_cast<unsigned>(std::popcount(twice));
      verdict.duplicated += count;
      if (count != 0) {
        report(world, sender, *direction, attempt, "net.duplication",
               some_of(count, verdict.chunks));
      }
    }
    if (can_happen(faults.reordering)) {
      Draw choice = draw(world, direction->reordering_draws, attempt);
      if (choice.happens(faults.reordering)) {
        const Duration late = choice.between(Duration{1}, kReorderingDelayMax);
        verdict.delay += late;
        report(world, sender, *direction, attempt, "net.reordering",
               ": late by " + std::to_string(late.ns) + " ns");
      }
    }
  }
  return verdict;
}

bool acknowledgement_lost(World& world, const Node& sender, const Path& path,
                          const Attempt& attempt) {
  bool lost = false;
  for (const Direction* direction : path.hops) {
    if (!can_happen(direction->faults.loss)) continue;
    if (!draw(world, direction->ack_loss_draws, attempt).happens(direction->faults.loss)) continue;
    lost = true;
    report(world, sender, *direction, attempt, "net.loss", ": acknowledgement");
  }
  return lost;
}

}  // namespace sim::net
