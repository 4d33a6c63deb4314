// Documents that are read once, in columns that are known before.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "text_count.hpp"
#include "text_tasks.hpp"

namespace luce {
namespace {

// Counts the columns of one document after the other, with a counter for each column.
class Tally {
 public:
  explicit Tally(size_t columns)
      : counters_(static_cast<uint32_t*>(std::calloc(columns + 1, sizeof(uint32_t)))) {
    if (!counters_) throw std::bad_alloc();
  }
  ~Tally() { std::free(counters_); }
  Tally(const Tally&) = delete;

  void add(uint32_t column) {
    if (counters_[column]++ == 0) met_.push_back(column);
  }
  void take(Cells& cells) {
    std::sort(met_.begin(), met_.end());
    cells.clear();
    for (const uint32_t column : met_) {
      cells.push_back(uint64_t(column) << 32 | counters_[column]);
      counters_[column] = 0;
    }
    met_.clear();
  }

 private:
  uint32_t* counters_;  // of pages that the system clears when they are first touched
  std::vector<uint32_t> met_;
};

// Rows of documents that are read once: each task writes rows of its own, which are then joined.
// `Worker` has what one thread needs, and read(document, cells).
template <class Worker, class... Arguments>
SparseRows<int32_t> rows_of(const std::vector<Document>& documents, const Arguments&... arguments) {
  const std::vector<Range> tasks = tasks_of(documents);
  const int workers = workers_for(tasks.size());
  std::vector<std::unique_ptr<Worker>> each(workers);
  std::vector<Cells> parts(tasks.size());
  SparseRows<int32_t> rows;
  rows.starts.assign(documents.size() + 1, 0);
  run(int64_t(tasks.size()), workers, [&](int64_t task, int worker) {
    if (!each[worker]) each[worker] = std::make_unique<Worker>(arguments...);
    Cells cells;
    for (int64_t i = tasks[task].begin; i < tasks[task].end; ++i) {
      each[worker]->read(documents[i], cells);
      rows.starts[i + 1] = int64_t(cells.size());
      parts[task].insert(parts[task].end(), cells.begin(), cells.end());
    }
  });
  for (size_t i = 0; i < documents.size(); ++i) rows.starts[i + 1] += rows.starts[i];
  rows.columns.resize(size_t(rows.starts.back()));
  rows.values.resize(size_t(rows.starts.back()));
  run(int64_t(tasks.size()), workers, [&](int64_t task, int) {
    int64_t at = rows.starts[tasks[task].begin];
    for (const uint64_t cell : parts[task]) {
      rows.columns[at] = int32_t(cell >> 32);
      rows.values[at++] = int32_t(uint32_t(cell));
    }
    Cells().swap(parts[task]);
  });
  return rows;
}

// MurmurHash3_x86_32 with seed 0 (A. Appleby, public domain).
uint32_t murmur3(const char* bytes, uint32_t length) {
  const auto turned = [](uint32_t x, int by) { return x << by | x >> (32 - by); };
  const auto scrambled = [&](uint32_t k) { return turned(k * 0xcc9e2d51u, 15) * 0x1b873593u; };
  uint32_t hash = 0, i = 0;
  for (; i + 4 <= length; i += 4) {
    uint32_t k = 0;
    for (int b = 3; b >= 0; --b) k = k << 8 | uint8_t(bytes[i + b]);
    hash = turned(hash ^ scrambled(k), 13) * 5 + 0xe6546b64u;
  }
  if (i < length) {
    uint32_t k = 0;
    for (uint32_t b = length; b-- > i;) k = k << 8 | uint8_t(bytes[b]);
    hash ^= scrambled(k);
  }
  hash ^= length;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

class KnownReader {
 public:
  KnownReader(const TermTable* known, const Analysis& how, const CharacterTables& tables)
      : known_(*known), splitter_(how, tables), tally_(known_.size()) {}

  void read(const Document& document, Cells& cells) {
    const std::vector<Gram>& grams = splitter_.grams_of(document);
    const char* const text = splitter_.text();
    for (size_t g = 0; g < grams.size(); ++g) {
      if (g + ahead < grams.size()) known_.prefetch(grams[g + ahead].hash);
      const uint32_t id = known_.find(grams[g].hash, text + grams[g].begin, grams[g].length);
      if (id != TermTable::none) tally_.add(id);
    }
    tally_.take(cells);
  }

 private:
  const TermTable& known_;
  Splitter splitter_;
  Tally tally_;
};

class HashReader {
 public:
  HashReader(uint32_t columns, bool with_sign, const Analysis& how, const CharacterTables& tables)
      : columns_(columns), with_sign_(with_sign), splitter_(how, tables) {}

  void read(const Document& document, Cells& cells) {
    met_.clear();
    for (const Gram& gram : splitter_.grams_of(document)) {
      const uint32_t hash = murmur3(splitter_.text() + gram.begin, gram.length);
      const bool minus = hash >> 31;
      const uint32_t size = minus ? 0u - hash : hash;  // 2^31 of -2^31
      met_.push_back(size % columns_ << 1 | uint32_t(with_sign_ && minus));
    }
    std::sort(met_.begin(), met_.end());
    cells.clear();
    for (size_t i = 0; i < met_.size();) {
      const uint32_t column = met_[i] >> 1;
      int32_t sum = 0;
      for (; i < met_.size() && met_[i] >> 1 == column; ++i) sum += met_[i] & 1 ? -1 : 1;
      cells.push_back(uint64_t(column) << 32 | uint32_t(sum));
    }
  }

 private:
  uint32_t columns_;
  bool with_sign_;
  Splitter splitter_;
  std::vector<uint32_t> met_;  // columns, doubled, and 1 more for a minus
};

}  // namespace

SparseRows<int32_t> count_known(const TermTable& known, const std::vector<Document>& documents,
                                const Analysis& how, const CharacterTables& tables) {
  return rows_of<KnownReader>(documents, &known, how, tables);
}

SparseRows<int32_t> count_hashed(int32_t columns, bool with_sign,
                                 const std::vector<Document>& documents, const Analysis& how,
                                 const CharacterTables& tables) {
  return rows_of<HashReader>(documents, uint32_t(columns), with_sign, how, tables);
}

}  // namespace luce
