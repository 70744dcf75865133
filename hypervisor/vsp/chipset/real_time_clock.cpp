#include "hypervisor/vsp/chipset/real_time_clock.hpp"

namespace vsp {

namespace {

constexpr std::uint64_t kDay = 86'400;

std::uint8_t bcd(std::uint64_t value) {
  return static_cast<std::uint8_t>(value / 10 % 10 << 4 | value % 10);
}

bool leap(std::uint64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr std::uint64_t kDaysOfMonths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct Date {
  std::uint64_t year = 1970, month = 1, day = 1;
};

Date date_of(std::uint64_t days) {
  // The calendar repeats after 400 years, which bounds the walk.
  constexpr std::uint64_t kCycle = 400, kCycleDays = 146'097;
  Date date;
  date.year += days / kCycleDays * kCycle;
  days %= kCycleDays;
  const auto in_year = [&date] { return leap(date.year) ? 366u : 365u; };
  for (; days >= in_year(); ++date.year) days -= in_year();
  const auto in_month = [&date] {
    return kDaysOfMonths[date.month - 1] + (date.month == 2 && leap(date.year) ? 1 : 0);
  };
  for (; days >= in_month(); ++date.month) days -= in_month();
  date.day += days;
  return date;
}

}  // namespace

std::uint8_t RealTimeClock::read(std::uint64_t unix_seconds) const {
  constexpr std::uint8_t kSecond = 0, kMinute = 2, kHour = 4, kWeekday = 6, kDayOfMonth = 7,
                         kMonth = 8, kYear = 9, kStatusA = 10, kStatusB = 11, kStatusD = 13,
                         kCentury = 0x32;
  constexpr std::uint8_t kDivider = 0x26, k24Hours = 2, kPowered = 0x80;
  constexpr std::uint64_t kThursday = 4;  // 1970-01-01; Sunday is day 1
  const Date date = date_of(unix_seconds / kDay);
  switch (selected_) {
    case kSecond:
      return bcd(unix_seconds % 60);
    case kMinute:
      return bcd(unix_seconds / 60 % 60);
    case kHour:
      return bcd(unix_seconds / 3600 % 24);
    case kWeekday:
      return bcd((unix_seconds / kDay + kThursday) % 7 + 1);
    case kDayOfMonth:
      return bcd(date.day);
    case kMonth:
      return bcd(date.month);
    case kYear:
      return bcd(date.year % 100);
    case kCentury:
      return bcd(date.year / 100);
    case kStatusA:
      return kDivider;  // no update in progress: every read is of one instant
    case kStatusB:
      return k24Hours;
    case kStatusD:
      return kPowered;
    default:
      return 0;
  }
}

}  // namespace vsp
