#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "traces/assert.hpp"
#include "traces/file.hpp"
#include "traces/file_format.hpp"
#include "traces/reflection.hpp"

namespace traces {

using namespace file_format;

namespace {

/// zstd's default: on event streams higher levels cost several times more for a few percent.
constexpr int kCompressionLevel = 3;

std::string reason_of(int error) { return std::generic_category().message(error); }

/// How many unfinished files of one name may lie about, of writers at work.
constexpr int kMostPartials = 1000;
/// Beyond this number nobody looks for what writers that were killed have left.
constexpr int kMostLeftovers = 16;

std::string partial_name(const std::string& path, int number) {
  return path + (number == 1 ? "" : "." + std::to_string(number)) + ".partial";
}

/// A writer holds the lock of its unfinished file for as long as it lives. What can be locked,
/// begins as a trace does and still has this name was left by one that was killed.
void remove_leftover(const std::string& name) {
  const int fd = ::open(name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  std::array<char, kMagic.size()> start{};
  struct stat mine {};
  struct stat named {};
  const bool leftover =
      ::fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode) && ::flock(fd, LOCK_EX | LOCK_NB) == 0 &&
      ::pread(fd, start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
      std::string_view(start.data(), start.size()) == kMagic &&
      ::lstat(name.c_str(), &named) == 0 && named.st_dev == mine.st_dev &&
      named.st_ino == mine.st_ino;
  if (leftover) ::unlink(name.c_str());
  ::close(fd);
}

/// A file that nobody had before, so that nothing is overwritten, no link is followed, and two
/// writers of one trace do not meet. Its name is put into `name`.
std::FILE* create_partial(const std::string& path, std::string& name) {
  for (int number = 1; number <= kMostLeftovers; ++number) {
    remove_leftover(partial_name(path, number));
  }
  for (int number = 1; number <= kMostPartials; ++number) {
    name = partial_name(path, number);
    std::FILE* file = std::fopen(name.c_str(), "wbxe");
    if (file != nullptr) {
      ::flock(::fileno(file), LOCK_EX | LOCK_NB);  // where files have no locks, nothing is removed
      return file;
    }
    if (errno != EEXIST) break;
  }
  throw TraceError(path, "cannot create " + name + ": " + reason_of(errno));
}

}  // namespace

/// The file under its temporary name; removed unless it was renamed.
struct TraceWriter::Output {
  explicit Output(const std::string& path) {
    file = create_partial(path, partial_path);
    context = ZSTD_createCCtx();
    HVSIM_ASSERT(context != nullptr, "zstd has no memory");
  }
  ~Output() {
    if (file != nullptr) std::fclose(file);
    if (!renamed) std::remove(partial_path.c_str());
    ZSTD_freeCCtx(context);
  }
  Output(const Output&) = delete;

  std::string partial_path;
  std::FILE* file = nullptr;
  ZSTD_CCtx* context = nullptr;
  ByteBuffer compressed;
  bool renamed = false;
};

TraceWriter::TraceWriter(std::string path, const TraceHeader& header)
    : path_(std::move(path)), detail_(header.detail) {
  ByteBuffer content;
  encode_header(header, content);
  if (content.size() > kMaxChunk) {
    throw TraceError(path_, "header of " + std::to_string(content.size()) +
                                " bytes does not fit a trace; at most " +
                                std::to_string(kMaxChunk) + " would be right");
  }
  output_ = std::make_unique<Output>(path_);
  ByteBuffer prologue;
  prologue.append(std::as_bytes(std::span(kMagic)));
  prologue.append_u32(kSchemaVersion);
  prologue.append_digest(schema_digest());
  put(prologue.bytes());
  put_chunk(kHeaderChunk, content.bytes(), content.size());
  // From now on the file says what it is, should this process be killed.
  errno = 0;
  if (failure_.empty() && std::fflush(output_->file) != 0) {
    failure_ = "cannot write " + output_->partial_path + ": " + reason_of(errno);
  }
}

TraceWriter::~TraceWriter() = default;

void TraceWriter::put(Bytes bytes) {
  if (!failure_.empty()) return;
  errno = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), output_->file) != bytes.size()) {
    failure_ = "cannot write " + output_->partial_path + ": " + reason_of(errno);
  }
  offset_ += bytes.size();
}

void TraceWriter::put_chunk(std::uint8_t kind, Bytes stored, std::size_t raw_size) {
  const auto stored32 = static_cast<std::uint32_t>(stored.size());
  const auto raw32 = static_cast<std::uint32_t>(raw_size);
  ByteBuffer head;
  head.append_u8(kind);
  head.append_u32(stored32);
  head.append_u32(raw32);
  head.append_u64(chunk_checksum(offset_, kind, stored32, raw32, stored));
  put(head.bytes());
  put(stored);
}

void TraceWriter::put_frame() {
  if (frame_.size() == 0) return;
  ByteBuffer& to = output_->compressed;
  to.clear();
  const std::size_t bound = ZSTD_compressBound(frame_.size());
  std::byte* start = to.reserve(bound);
  const std::size_t size = ZSTD_compressCCtx(output_->context, start, bound, frame_.bytes().data(),
                                             frame_.size(), kCompressionLevel);
  HVSIM_ASSERT(!ZSTD_isError(size), "zstd refuses to compress into its own bound");
  to.end_at(start + size);
  put_chunk(kEventChunk, to.bytes(), frame_.size());
  ++chunks_;
  frame_.clear();
  encoder_.reset(0);
}

void TraceWriter::on_event(const Event& event) {
  const int level = info(event.type).level;
  if (!failure_.empty() || (level != 0 && !detail_)) return;
  const std::size_t before = frame_.size();
  encoder_.encode(event, event.index, frame_);
  if (frame_.size() - before > kMaxChunk - kFrameTarget) {
    failure_ = "event " + std::to_string(event.index) + " (" + std::string(info(event.type).name) +
               ") takes " + std::to_string(frame_.size() - before) +
               " bytes, more than a trace can hold";
    return;
  }
  ++footer_.events;
  ++footer_.counts[static_cast<std::size_t>(event.type)];
  if (level == 0) ++footer_.level0_events;
  if (frame_.size() >= kFrameTarget) put_frame();
}

void TraceWriter::finish(const Recorder& recorder) {
  HVSIM_ASSERT(!output_->renamed, "trace finished twice");
  HVSIM_ASSERT(!failure_.empty() || footer_.level0_events == recorder.level0_events(),
               "trace writer was not attached for all events of the run");
  HVSIM_ASSERT(!detail_ || recorder.detail(), "trace claims detail that the recorder drops");
  footer_.hash = recorder.hash();
  put_frame();
  ByteBuffer content;
  encode_footer(footer_, chunks_, content);
  put_chunk(kFooterChunk, content.bytes(), content.size());
  errno = 0;
  const bool closed = std::fclose(output_->file) == 0;
  output_->file = nullptr;
  if (failure_.empty() && !closed) {
    failure_ = "cannot write " + output_->partial_path + ": " + reason_of(errno);
  }
  if (failure_.empty() && std::rename(output_->partial_path.c_str(), path_.c_str()) != 0) {
    failure_ = "cannot rename " + output_->partial_path + ": " + reason_of(errno);
  }
  if (!failure_.empty()) throw TraceError(path_, failure_);
  output_->renamed = true;
}

}  // namespace traces
