#include "scenarios/explore/results.hpp"

#include <signal.h>
#include <sqlite3.h>
#include <sys/random.h>

#include <filesystem>
#include <utility>

#include "scenarios/language/source.hpp"
#include "traces/digest.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace {

/// "HVSM": tells a results file from other databases.
constexpr int kApplicationId = 0x4856'534d;
constexpr int kSchemaVersion = 1;

constexpr const char* kSchema = R"(
create table campaign (
  id text primary key, build text, runs integer, seconds real, virtual_seconds real);
create table scenario (key text primary key, name text, file text, plants text);
create table done (
  scenario text, first integer, last integer, primary key (scenario, first)) without rowid;
create table state (scenario text, hash integer, primary key (scenario, hash)) without rowid;
create table point (scenario text, name text, primary key (scenario, name)) without rowid;
create table finding (
  scenario text, property text, run text, story text, yaml text, trace text, command text,
  explanation text, runs integer, primary key (scenario, property)) without rowid;
)";

/// A prepared statement; parameters and columns in order.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    check(::sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr));
  }
  ~Statement() { ::sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;

  Statement& with(const std::string& text) {
    check(::sqlite3_bind_text(statement_, ++parameter_, text.data(), static_cast<int>(text.size()),
                              SQLITE_TRANSIENT));
    return *this;
  }
  Statement& with(std::uint64_t number) {
    check(::sqlite3_bind_int64(statement_, ++parameter_, static_cast<sqlite3_int64>(number)));
    return *this;
  }
  Statement& with(double number) {
    check(::sqlite3_bind_double(statement_, ++parameter_, number));
    return *this;
  }
  /// True while there is a row.
  bool step() {
    const int result = ::sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) check(result);
    column_ = 0;
    return result == SQLITE_ROW;
  }
  /// Runs it once more with other parameters.
  void run() {
    while (step()) {
    }
    ::sqlite3_reset(statement_);
    parameter_ = 0;
  }
  std::string text() {
    const auto* data = ::sqlite3_column_text(statement_, column_);
    const int size = ::sqlite3_column_bytes(statement_, column_++);
    if (data == nullptr) return "";
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
  }
  std::uint64_t number() {
    return static_cast<std::uint64_t>(::sqlite3_column_int64(statement_, column_++));
  }
  double real() { return ::sqlite3_column_double(statement_, column_++); }

 private:
  void check(int result) {
    if (result != SQLITE_OK) throw std::runtime_error(::sqlite3_errmsg(database_));
  }
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int parameter_ = 0;
  int column_ = 0;
};

std::string hex(const traces::Digest& digest) { return traces::to_text(digest); }

}  // namespace

struct Results::Database {
  sqlite3* handle = nullptr;
  ~Database() { ::sqlite3_close(handle); }

  void run(const char* sql) {
    if (::sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error(::sqlite3_errmsg(handle));
    }
  }
  std::uint64_t number(const char* sql) {
    Statement statement(handle, sql);
    return statement.step() ? statement.number() : 0;
  }
  void put(const StoredScenario& scenario);
  void put_done(const std::string& key, const SeedRanges& more);
  SeedRanges done(const std::string& key);
};

Results::Results(const std::string& path, Mode mode)
    : path_(path), database_(std::make_unique<Database>()) {
  // A limit on the size of files shall be an error like a full disk, not the end of the process.
  ::signal(SIGXFSZ, SIG_IGN);
  const bool is_new = !std::filesystem::exists(path);
  if (is_new && mode == Mode::Open) throw UserError(path + ": there is no such results file");
  if (!is_new && !std::filesystem::is_regular_file(path)) {
    throw UserError(path + ": is not a plain file; give the path of a results file");
  }
  const int flags = SQLITE_OPEN_READWRITE | (mode == Mode::Create ? SQLITE_OPEN_CREATE : 0);
  try {
    if (::sqlite3_open_v2(path.c_str(), &database_->handle, flags, nullptr) != SQLITE_OK) {
      throw std::runtime_error(::sqlite3_errmsg(database_->handle));
    }
    // The file's lock is held until it is closed, and falls with its holder however that ends.
    // Of two that start at the same instant one gets it: who has to wait lets go of what it has,
    // which it would not once it had asked to keep its locks.
    database_->run("pragma busy_timeout = 500;");
    database_->run("begin exclusive;");
    database_->run("pragma locking_mode = exclusive;");
    if (database_->number("pragma application_id") == 0 &&
        database_->number("select count(*) from sqlite_master") == 0) {
      database_->run(kSchema);
      database_->run(("pragma application_id = " + std::to_string(kApplicationId)).c_str());
      database_->run(("pragma user_version = " + std::to_string(kSchemaVersion)).c_str());
    }
    database_->run("commit");
  } catch (const std::runtime_error& error) {
    const int code = ::sqlite3_errcode(database_->handle);
    const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    database_.reset();
    if (busy) {
      throw UserError(path + ": another exploration is using this results file; give this one a " +
                      "file of its own, and merge them with `hvsim results merge`");
    }
    throw UserError(path + ": cannot be used as a results file: " + error.what());
  }
  if (database_->number("pragma application_id") != kApplicationId ||
      database_->number("pragma user_version") != kSchemaVersion) {
    throw UserError(path + ": is a database, but not of this hvsim's results; give another file");
  }
}

Results::~Results() = default;

StoredScenario Results::scenario(const std::string& key) {
  StoredScenario stored;
  stored.key = key;
  sqlite3* const handle = database_->handle;
  Statement head(handle, "select name, file, plants from scenario where key = ?");
  if (!head.with(key).step()) return stored;
  stored.name = head.text();
  stored.file = head.text();
  stored.plants = head.text();
  stored.done = database_->done(key);
  Statement states(handle, "select hash from state where scenario = ?");
  for (states.with(key); states.step();) stored.states.push_back(states.number());
  Statement points(handle, "select name from point where scenario = ?");
  for (points.with(key); points.step();) stored.points.push_back(points.text());
  Statement findings(handle,
                     "select property, run, story, yaml, trace, command, explanation, runs "
                     "from finding where scenario = ? order by property");
  for (findings.with(key); findings.step();) {
    StoredFinding finding;
    for (std::string* field : {&finding.property, &finding.run, &finding.story, &finding.yaml,
                               &finding.trace, &finding.command, &finding.explanation}) {
      *field = findings.text();
    }
    finding.runs = findings.number();
    stored.findings.push_back(std::move(finding));
  }
  return stored;
}

std::vector<StoredScenario> Results::scenarios() {
  std::vector<StoredScenario> all;
  Statement keys(database_->handle, "select key from scenario order by name, key");
  while (keys.step()) all.push_back(scenario(keys.text()));
  return all;
}

std::vector<StoredCampaign> Results::campaigns() {
  std::vector<StoredCampaign> all;
  Statement rows(database_->handle,
                 "select id, build, runs, seconds, virtual_seconds from campaign order by id");
  while (rows.step()) {
    StoredCampaign campaign;
    campaign.id = rows.text();
    campaign.build = rows.text();
    campaign.runs = rows.number();
    campaign.seconds = rows.real();
    campaign.virtual_seconds = rows.real();
    all.push_back(std::move(campaign));
  }
  return all;
}

SeedRanges Results::Database::done(const std::string& key) {
  SeedRanges ranges;
  Statement rows(handle, "select first, last from done where scenario = ?");
  for (rows.with(key); rows.step();) {
    const std::uint64_t first = rows.number();
    ranges.add({first, rows.number()});
  }
  return ranges;
}

void Results::Database::put_done(const std::string& key, const SeedRanges& more) {
  if (more.ranges().empty()) return;
  SeedRanges all = done(key);
  for (const auto& [first, last] : more.ranges()) all.add({first, last});
  Statement(handle, "delete from done where scenario = ?").with(key).run();
  Statement insert(handle, "insert into done values (?, ?, ?)");
  for (const auto& [first, last] : all.ranges()) insert.with(key).with(first).with(last).run();
}

void Results::Database::put(const StoredScenario& scenario) {
  Statement(handle, "insert or replace into scenario values (?, ?, ?, ?)")
      .with(scenario.key)
      .with(scenario.name)
      .with(scenario.file)
      .with(scenario.plants)
      .run();
  put_done(scenario.key, scenario.done);
  Statement state(handle, "insert or ignore into state values (?, ?)");
  for (const std::uint64_t hash : scenario.states) state.with(scenario.key).with(hash).run();
  Statement point(handle, "insert or ignore into point values (?, ?)");
  for (const std::string& name : scenario.points) point.with(scenario.key).with(name).run();
  // The first to find it keeps its place.
  Statement finding(handle,
                    "insert into finding values (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "on conflict do update set runs = max(runs, excluded.runs)");
  for (const StoredFinding& each : scenario.findings) {
    finding.with(scenario.key)
        .with(each.property)
        .with(each.run)
        .with(each.story)
        .with(each.yaml)
        .with(each.trace)
        .with(each.command)
        .with(each.explanation)
        .with(each.runs)
        .run();
  }
}

void Results::save(const StoredCampaign& campaign, const std::vector<StoredScenario>& more) {
  try {
    database_->run("begin immediate");
    Statement(database_->handle, "insert or replace into campaign values (?, ?, ?, ?, ?)")
        .with(campaign.id)
        .with(campaign.build)
        .with(campaign.runs)
        .with(campaign.seconds)
        .with(campaign.virtual_seconds)
        .run();
    for (const StoredScenario& scenario : more) database_->put(scenario);
    database_->run("commit");
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    ::sqlite3_exec(database_->handle, "rollback", nullptr, nullptr, nullptr);
    throw UserError(path_ + ": results cannot be saved (" + what +
                    "); what is not in the file will be run again");
  }
}

std::string scenario_key(const std::string& text, const std::string& plants,
                         const std::string& build) {
  return hex(traces::digest_of(text + '\0' + plants + '\0' + build));
}

std::string new_campaign_id() {
  traces::Digest id;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) {
    throw UserError("the machine gives no random numbers for the name of this exploration");
  }
  return hex(id);
}

void merge_results(const std::string& out, const std::vector<std::string>& inputs) {
  // All of them are read before anything is written.
  std::vector<std::pair<std::vector<StoredCampaign>, std::vector<StoredScenario>>> parts;
  for (const std::string& input : inputs) {
    std::error_code error;
    if (std::filesystem::equivalent(input, out, error)) {
      throw UserError(input + ": is the file that the others are merged into");
    }
    Results part(input, Results::Mode::Open);
    parts.emplace_back(part.campaigns(), part.scenarios());
  }
  Results all(out, Results::Mode::Create);
  for (const auto& [campaigns, scenarios] : parts) {
    // What was done belongs to no campaign: the first one carries it.
    bool first = true;
    for (const StoredCampaign& campaign : campaigns) {
      all.save(campaign, first ? scenarios : std::vector<StoredScenario>{});
      first = false;
    }
  }
}

}  // namespace scenarios
