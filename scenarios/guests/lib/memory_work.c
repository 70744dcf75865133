#include "memory_work.h"

#include "../boot_info.h"
#include "../pattern.h"
#include "console.h"

/// How often each page was written. The counters are kept apart from the pages, so a page that is
/// consistent in itself but too old is found as well. They are guest memory like any other: four
/// bytes per page, dirtied along with the page.
static u32 counters[GUEST_MAX_PATTERN_PAGES];

static u64 first_word;
static u64 page_count;
static u64 choice;
static u64 writes;

static volatile u64* page_words(u64 page) { return (volatile u64*)(first_word + page * PAGE_SIZE); }

void memory_work_set_up(u64 first_page, u64 pages, u64 seed) {
  if (pages == 0 || pages > GUEST_MAX_PATTERN_PAGES) {
    panic_value("the memory pattern needs 1 to 262144 pages, not", pages);
  }
  first_word = first_page * PAGE_SIZE;
  page_count = pages;
  choice = pattern_check(seed, pages) | 1;  // any value but 0
}

static void check(u64 page) {
  volatile u64* words = page_words(page);
  if (pattern_page_holds(words, counters[page], page)) return;
  print_value("memory page of the pattern is wrong:", page);
  print_value("  counter expected:", counters[page]);
  print_value("  counter found:", words[0]);
  panic("memory corruption");
}

void memory_work_write(void) {
  choice = pattern_step(choice);
  u64 page = (choice >> 32) * page_count >> 32;
  check(page);
  ++counters[page];
  pattern_page_write(page_words(page), counters[page], page);
  ++writes;
}

void memory_work_verify_all(void) {
  for (u64 page = 0; page < page_count; ++page) check(page);
}

u64 memory_work_writes(void) { return writes; }
