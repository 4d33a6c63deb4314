// How documents are shared out over threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pool.hpp"
#include "text_split.hpp"

namespace luce {

constexpr int64_t characters_a_task = 1 << 16;
constexpr size_t ahead = 8;  // terms whose places are fetched before they are looked up

struct Range {
  int64_t begin, end;
};

// Consecutive documents of about as many characters together.
inline std::vector<Range> tasks_of(const std::vector<Document>& documents) {
  std::vector<Range> tasks;
  int64_t begin = 0, characters = 0;
  for (int64_t i = 0; i < int64_t(documents.size()); ++i) {
    characters += documents[i].length + 16;
    if (characters >= characters_a_task) {
      tasks.push_back({begin, i + 1});
      begin = i + 1;
      characters = 0;
    }
  }
  if (begin < int64_t(documents.size())) tasks.push_back({begin, int64_t(documents.size())});
  return tasks;
}

inline int workers_for(size_t tasks) {
  return int(std::max<size_t>(1, std::min<size_t>(tasks, size_t(num_threads()))));
}

template <class Body>
void for_ranges(int64_t count, int64_t size, Body body) {
  const int64_t tasks = (count + size - 1) / size;
  run(tasks, workers_for(size_t(tasks)), [&](int64_t task, int) {
    body(task * size, std::min(count, (task + 1) * size));
  });
}

// One document's sorted (column, count): columns in the upper half.
using Cells = std::vector<uint64_t>;

}  // namespace luce
