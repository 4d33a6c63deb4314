#include "text_count.hpp"

#include <algorithm>
#include <memory>

#include "pool.hpp"
#include "text_tasks.hpp"

namespace luce {
namespace {

constexpr int partitions = 64;  // of the terms by their hash, merged side by side
constexpr uint32_t none = TermTable::none;

int partition_of(uint64_t hash) { return int(hash >> 58); }

}  // namespace

TermCounts::TermCounts(const std::vector<Document>& documents, const Analysis& how,
                       const CharacterTables& tables) {
  collect(documents, how, tables);
  merge();
}

void TermCounts::collect(const std::vector<Document>& documents, const Analysis& how,
                         const CharacterTables& tables) {
  const std::vector<Range> tasks = tasks_of(documents);
  const int workers = workers_for(tasks.size());
  collected_.resize(workers);
  rows_.resize(documents.size());
  std::vector<std::unique_ptr<Splitter>> splitters(workers);
  run(int64_t(tasks.size()), workers, [&](int64_t task, int worker) {
    if (!splitters[worker]) splitters[worker] = std::make_unique<Splitter>(how, tables);
    Splitter& splitter = *splitters[worker];
    Collected& mine = collected_[worker];
    for (int64_t i = tasks[task].begin; i < tasks[task].end; ++i) {
      const std::vector<Gram>& grams = splitter.grams_of(documents[i]);
      const char* const text = splitter.text();
      const uint64_t begin = mine.entries.size();
      for (size_t g = 0; g < grams.size(); ++g) {
        if (g + ahead < grams.size()) mine.terms.prefetch(grams[g + ahead].hash);
        const Gram& gram = grams[g];
        const uint32_t id = mine.terms.find_or_add(gram.hash, text + gram.begin, gram.length);
        if (id == mine.seen.size()) mine.seen.push_back({-1, 0, 0, 0});
        Collected::Seen& seen = mine.seen[id];
        ++seen.occurrences;
        if (seen.document != i) {
          seen = {i, seen.documents + 1, seen.occurrences, mine.entries.size()};
          mine.entries.push_back({id, 0});
        }
        ++mine.entries[seen.entry].count;
      }
      rows_[i] = {uint32_t(worker), begin, mine.entries.size()};
    }
  });
}

// Every worker's terms of one partition are put into one table, partition by partition.
void TermCounts::merge() {
  const int workers = int(collected_.size());
  std::vector<std::vector<std::vector<uint32_t>>> members(workers);
  run(workers, workers, [&](int64_t w, int) {
    members[w].resize(partitions);
    Collected& mine = collected_[w];
    mine.merged.resize(mine.terms.size());
    for (uint32_t id = 0; id < mine.terms.size(); ++id)
      members[w][partition_of(mine.terms.term(id).hash)].push_back(id);
  });
  std::vector<std::vector<Merged>> parts(partitions);
  run(partitions, num_threads(), [&](int64_t p, int) {
    size_t most = 0;
    for (int w = 0; w < workers; ++w) most = std::max(most, members[w][p].size());
    TermTable table(workers == 1 ? 0 : most);
    std::vector<Merged>& part = parts[p];
    part.reserve(most);
    for (int w = 0; w < workers; ++w) {
      Collected& mine = collected_[w];
      for (const uint32_t id : members[w][p]) {
        const TermTable::Term& term = mine.terms.term(id);
        const char* const bytes = mine.terms.bytes(id);
        // Of a single worker every term is new.
        const uint32_t at = workers == 1 ? uint32_t(part.size())
                                         : table.find_or_add(term.hash, bytes, term.length);
        if (at == part.size()) part.push_back({bytes, term.length, none, 0, 0});
        part[at].documents += mine.seen[id].documents;
        part[at].occurrences += mine.seen[id].occurrences;
        mine.merged[id] = at;
      }
    }
  });
  std::vector<size_t> bases(partitions + 1, 0);
  for (int p = 0; p < partitions; ++p) bases[p + 1] = bases[p] + parts[p].size();
  if (bases[partitions] >= size_t(1) << 31) throw std::length_error("too many different terms");
  merged_.resize(bases[partitions]);
  run(partitions, num_threads(), [&](int64_t p, int) {
    std::copy(parts[p].begin(), parts[p].end(), merged_.begin() + bases[p]);
    for (int w = 0; w < workers; ++w)
      for (const uint32_t id : members[w][p]) collected_[w].merged[id] += uint32_t(bases[p]);
  });
}

namespace {

struct SortKey {
  uint64_t first;  // eight bytes, the first one highest
  const char* bytes;
  uint32_t length, number;
};

bool before(const SortKey& a, const SortKey& b) {
  if (a.first != b.first) return a.first < b.first;
  const uint32_t common = std::min(a.length, b.length);
  const int order = common > 8 ? std::memcmp(a.bytes + 8, b.bytes + 8, common - 8) : 0;
  return order != 0 ? order < 0 : a.length < b.length;
}

uint64_t first_bytes(const char* bytes, uint32_t length) {
  uint64_t first = 0;
  for (uint32_t i = 0; i < 8; ++i) first = first << 8 | (i < length ? uint8_t(bytes[i]) : 0);
  return first;
}

// Sort side by side: keys between two of some that are drawn evenly belong into one bucket.
void sort_keys(std::vector<SortKey>& keys) {
  constexpr size_t buckets = 64, drawn = 32 * buckets;
  if (keys.size() < 8 * drawn) {
    std::sort(keys.begin(), keys.end(), before);
    return;
  }
  std::vector<SortKey> sample;
  for (size_t i = 0; i < drawn; ++i) sample.push_back(keys[i * (keys.size() / drawn)]);
  std::sort(sample.begin(), sample.end(), before);
  std::vector<SortKey> bounds;
  for (size_t b = 1; b < buckets; ++b) bounds.push_back(sample[b * drawn / buckets]);
  std::vector<uint8_t> bucket(keys.size());
  for_ranges(int64_t(keys.size()), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      bucket[i] = uint8_t(std::upper_bound(bounds.begin(), bounds.end(), keys[i], before) -
                          bounds.begin());
  });
  std::vector<size_t> starts(buckets + 1, 0);
  for (const uint8_t b : bucket) ++starts[b + 1];
  for (size_t b = 0; b < buckets; ++b) starts[b + 1] += starts[b];
  std::vector<SortKey> sorted(keys.size());
  std::vector<size_t> next(starts.begin(), starts.end() - 1);
  for (size_t i = 0; i < keys.size(); ++i) sorted[next[bucket[i]]++] = keys[i];
  run(int64_t(buckets), num_threads(), [&](int64_t b, int) {
    std::sort(sorted.begin() + starts[b], sorted.begin() + starts[b + 1], before);
  });
  keys.swap(sorted);
}

}  // namespace

void TermCounts::select(double low, double high) {
  std::vector<SortKey> keys;
  for (uint32_t i = 0; i < merged_.size(); ++i) {
    const Merged& term = merged_[i];
    if (double(term.documents) >= low && double(term.documents) <= high)
      keys.push_back({first_bytes(term.bytes, term.length), term.bytes, term.length, i});
  }
  sort_keys(keys);
  sorted_.resize(keys.size());
  documents_.resize(keys.size());
  occurrences_.resize(keys.size());
  for (Merged& term : merged_) term.column = none;
  for (size_t column = 0; column < keys.size(); ++column) {
    Merged& term = merged_[keys[column].number];
    sorted_[column] = keys[column].number;
    documents_[column] = term.documents;
    occurrences_[column] = term.occurrences;
    term.column = uint32_t(column);
  }
}

void TermCounts::keep(const uint8_t* marked) {
  size_t kept = 0;
  for (size_t column = 0; column < sorted_.size(); ++column) {
    merged_[sorted_[column]].column = marked[column] ? uint32_t(kept) : none;
    if (!marked[column]) continue;
    sorted_[kept] = sorted_[column];
    documents_[kept] = documents_[column];
    occurrences_[kept++] = occurrences_[column];
  }
  sorted_.resize(kept);
  documents_.resize(kept);
  occurrences_.resize(kept);
}

void TermCounts::write_terms(std::vector<char>& bytes, std::vector<int64_t>& ends) const {
  for (const uint32_t number : sorted_) {
    const Merged& term = merged_[number];
    bytes.insert(bytes.end(), term.bytes, term.bytes + term.length);
    ends.push_back(int64_t(bytes.size()));
  }
}

SparseRows<int32_t> TermCounts::rows() const {
  const int64_t n = int64_t(rows_.size());
  // The column of each worker's terms in one place, not by way of all terms.
  std::vector<std::vector<uint32_t>> columns(collected_.size());
  run(int64_t(collected_.size()), num_threads(), [&](int64_t w, int) {
    for (const uint32_t number : collected_[w].merged) columns[w].push_back(merged_[number].column);
  });
  SparseRows<int32_t> rows;
  rows.starts.assign(n + 1, 0);
  const auto entries = [&](int64_t i, auto body) {
    const Row& row = rows_[i];
    const std::vector<Entry>& every = collected_[row.worker].entries;
    for (uint64_t e = row.begin; e < row.end; ++e) {
      const uint32_t column = columns[row.worker][every[e].term];
      if (column != none) body(column, every[e].count);
    }
  };
  for_ranges(n, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t count = 0;
      entries(i, [&](uint32_t, uint32_t) { ++count; });
      rows.starts[i + 1] = count;
    }
  });
  for (int64_t i = 0; i < n; ++i) rows.starts[i + 1] += rows.starts[i];
  rows.columns.resize(size_t(rows.starts.back()));
  rows.values.resize(size_t(rows.starts.back()));
  for_ranges(n, 64, [&](int64_t begin, int64_t end) {
    Cells cells;
    for (int64_t i = begin; i < end; ++i) {
      cells.clear();
      entries(i, [&](uint32_t column, uint32_t count) {
        cells.push_back(uint64_t(column) << 32 | count);
      });
      std::sort(cells.begin(), cells.end());
      int64_t at = rows.starts[i];
      for (const uint64_t cell : cells) {
        rows.columns[at] = int32_t(cell >> 32);
        rows.values[at++] = int32_t(uint32_t(cell));
      }
    }
  });
  return rows;
}

}  // namespace luce
