#include "scenarios/debug/session.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "scenarios/language/source.hpp"

namespace debugger {

namespace {

/// A run lays a checkpoint after so much work: what running to any event from the one before it
/// costs at most while all of them are kept.
constexpr int kSliceMs = 25;
/// More are thinned out: dense around the place where we are, sparse far away.
constexpr std::size_t kMostCheckpoints = 64;
/// Steps back leave a checkpoint so many events before their goal, for the steps that follow.
constexpr std::uint64_t kNear = 256;

/// The process at the other end is gone.
struct Crash : std::runtime_error {
  Crash() : std::runtime_error("the world's process has ended unexpectedly") {}
};

}  // namespace

Session::Session(const scenarios::Recorded& run) : run_(run) {
  void* memory =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no shared memory for the debugger");
  progress_ = new (memory) Progress;
  auto [ours, theirs] = Wire::pair();
  child_ = fork();
  if (child_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child_ == 0) {
    ours.close();
    serve_world(run_, std::move(theirs), *progress_);
  }
  theirs.close();
  current_.wire = std::move(ours);
  std::string first;
  if (!current_.wire.receive(first)) throw std::runtime_error("the world crashed at its start");
  take(Json::parse(first), current_);
  keep_checkpoint(current_);
}

Session::~Session() {
  checkpoints_.clear();
  current_.wire.close();
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  munmap(progress_, sizeof(Progress));
}

Json Session::exchange(Process& process, const Json& request) {
  std::string answer;
  if (!process.wire.send(request.dump()) || !process.wire.receive(answer)) throw Crash();
  return Json::parse(answer);
}

Session::Process Session::copy_of(Process& process) {
  auto [ours, theirs] = Wire::pair();
  Json request;
  request["do"] = "fork";
  std::string answer;
  const bool asked = process.wire.send(request.dump(), theirs.fd());
  if (!asked || !process.wire.receive(answer)) throw Crash();
  if (Json::parse(answer)["ok"] != true) {
    throw std::runtime_error("no process left for a checkpoint");
  }
  Process copy;
  copy.wire = std::move(ours);
  copy.index = process.index;
  copy.cost_ms = process.cost_ms;
  return copy;
}

void Session::keep_checkpoint(Process& process) {
  const auto place =
      std::lower_bound(checkpoints_.begin(), checkpoints_.end(), process.index,
                       [](const Process& one, std::uint64_t index) { return one.index < index; });
  if (place != checkpoints_.end() && place->index == process.index) return;
  checkpoints_.insert(place, copy_of(process));
  if (checkpoints_.size() > kMostCheckpoints) thin_out();
}

/// Drops the one that is missed least: whose gap would be small against its distance from here.
/// Counted in events, whose order is that of the checkpoints; work is measured anew by every run.
void Session::thin_out() {
  std::size_t worst = 1;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i + 1 < checkpoints_.size(); ++i) {
    const std::uint64_t at = checkpoints_[i].index;
    const std::uint64_t gap = checkpoints_[i + 1].index - checkpoints_[i - 1].index;
    const std::uint64_t distance = std::max(at, current_.index) - std::min(at, current_.index);
    const double value = static_cast<double>(gap) / static_cast<double>(distance + 16 * kNear);
    if (value >= least) continue;
    least = value;
    worst = i;
  }
  checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(worst));
}

std::size_t Session::nearest_before(std::uint64_t index) const {
  std::size_t place = 0;
  while (place + 1 < checkpoints_.size() && checkpoints_[place + 1].index <= index) ++place;
  return place;
}

void Session::take(const Json& answer, Process& process) {
  process.index = answer["index"];
  here_.index = process.index;
  here_.time = traces::Time{answer["time"]};
  here_.line = answer["line"];
  here_.why = answer["why"];
  here_.which = answer["which"];
  here_.hash = answer["hash"];
  here_.ended = answer["ended"];
}

bool Session::advance(Process& process, const Goal& goal, bool fresh) {
  Json request;
  request["do"] = "run";
  if (goal.index) request["index"] = *goal.index;
  request["stops"] = goal.stops;
  if (goal.violation) request["violation"] = *goal.violation;
  request["note"] = false;
  request["slice_ms"] = kSliceMs;
  for (;;) {
    request["fresh"] = fresh;
    fresh = false;
    try {
      const Json answer = exchange(process, request);
      take(answer, process);
      process.cost_ms += answer["work_ms"].get<double>();
    } catch (const Crash&) {
      return false;
    }
    if (here_.why != "slice") return true;
    keep_checkpoint(process);
    if (interrupted_.load()) {
      here_.why = "interrupted";
      return true;
    }
  }
}

/// The world's process is gone: back to the last event that it told.
void Session::recover(std::uint64_t crashed_at) {
  go_to(crashed_at);
  here_.why = "crash";
}

const Stop& Session::forward(const Goal& goal) {
  interrupted_.store(false);
  if (here_.ended) return here_;
  if (!advance_with_near(goal)) recover(progress_->index);
  return here_;
}

/// The same, and steps back from the goal are cheap afterwards: a checkpoint lies just before it.
bool Session::advance_with_near(const Goal& goal) {
  const bool far = goal.index && *goal.index > current_.index + 2 * kNear;
  if (!far) return advance(current_, goal);
  Goal first = goal;
  first.index = *goal.index - kNear;
  if (!advance(current_, first)) return false;
  if (here_.why != "index") return true;
  keep_checkpoint(current_);
  return advance(current_, goal, false);
}

const Stop& Session::go_to(std::uint64_t index) {
  if (index > here_.index) {
    Goal goal;
    goal.index = index;
    return forward(goal);
  }
  if (index == here_.index && !here_.ended && current_.wire.fd() >= 0 && here_.why != "crash") {
    here_.why = "index";
    return here_;
  }
  interrupted_.store(false);
  Process& start = checkpoints_[nearest_before(index)];
  Process next = copy_of(start);
  std::swap(current_, next);
  next.wire.close();
  if (index > current_.index) {
    Goal goal;
    goal.index = index;
    if (!advance_with_near(goal)) throw std::runtime_error("the world crashed on its way back");
    return here_;
  }
  // The checkpoint itself: ask for what it is without running.
  Json request;
  request["do"] = "where";
  take(exchange(current_, request), current_);
  return here_;
}

const Stop& Session::back_to_match(const std::vector<std::string>& stops) {
  interrupted_.store(false);
  // Stretch by stretch towards the beginning: (checkpoint, upper], the event of a checkpoint itself
  // belonging to the stretch that ends with it.
  std::uint64_t upper = here_.index;
  if (upper > 0) --upper;
  while (upper > 0 && !interrupted_.load()) {
    Process& start = checkpoints_[nearest_before(upper - 1)];
    Process scout = copy_of(start);
    Json request;
    request["do"] = "run";
    request["index"] = upper;
    request["stops"] = stops;
    request["note"] = true;
    request["slice_ms"] = 0;
    const Json answer = exchange(scout, request);
    if (answer.contains("noted")) {
      go_to(answer["noted"].get<std::uint64_t>());
      here_.why = "stop";
      return here_;
    }
    upper = start.index;
  }
  go_to(0);
  here_.why.clear();
  return here_;
}

Json Session::ask(const Json& request) {
  Json answer = exchange(current_, request);
  if (answer.contains("error")) throw scenarios::UserError(answer["error"].get<std::string>());
  return answer;
}

std::vector<Session::CheckpointInfo> Session::checkpoints() const {
  std::vector<CheckpointInfo> list;
  for (const Process& one : checkpoints_) list.push_back({one.index, one.cost_ms});
  return list;
}

}  // namespace debugger
