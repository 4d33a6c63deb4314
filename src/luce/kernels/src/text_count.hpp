// Counts of terms in documents, as the rows of a sparse matrix.
#pragma once
#include <cstdint>
#include <vector>

#include "text_split.hpp"
#include "text_terms.hpp"

namespace luce {

// Rows of a sparse matrix with sorted columns.
template <class Value>
struct SparseRows {
  std::vector<int64_t> starts;  // one more than rows
  std::vector<int32_t> columns;
  std::vector<Value> values;
};

// The terms of many documents, collected by several threads; nothing of the result depends on
// which thread met which document.
class TermCounts {
 public:
  TermCounts(const std::vector<Document>& documents, const Analysis& how,
             const CharacterTables& tables);

  // Keep the terms that stand in `low` to `high` documents, and give each its number in the order
  // of the bytes.
  void select(double low, double high);
  // Keep those of the selected terms that are marked, in the same order.
  void keep(const uint8_t* marked);

  int64_t size() const { return int64_t(sorted_.size()); }
  const std::vector<int64_t>& documents() const { return documents_; }  // with each term
  const std::vector<int64_t>& occurrences() const { return occurrences_; }
  void write_terms(std::vector<char>& bytes, std::vector<int64_t>& ends) const;
  SparseRows<int32_t> rows() const;

 private:
  struct Entry {
    uint32_t term, count;
  };
  struct Row {  // where a document's entries lie
    uint32_t worker;
    uint64_t begin, end;
  };
  struct Collected {  // by one worker
    struct Seen {
      int64_t document, documents, occurrences;
      uint64_t entry;
    };
    TermTable terms;
    std::vector<Seen> seen;  // one a term
    std::vector<Entry> entries;
    std::vector<uint32_t> merged;  // the number of each term among all workers'
  };
  struct Merged {
    const char* bytes;
    uint32_t length;
    uint32_t column;  // `TermTable::none` where the term is left out
    int64_t documents, occurrences;
  };

  void collect(const std::vector<Document>& documents, const Analysis& how,
               const CharacterTables& tables);
  void merge();

  std::vector<Collected> collected_;
  std::vector<Row> rows_;
  std::vector<Merged> merged_;
  std::vector<uint32_t> sorted_;  // numbers of merged terms
  std::vector<int64_t> documents_, occurrences_;
};

// Counts of the terms of a table alone, which are the columns.
SparseRows<int32_t> count_known(const TermTable& known, const std::vector<Document>& documents,
                                const Analysis& how, const CharacterTables& tables);

// Signed counts of all terms, in the column and with the sign of their MurmurHash3.
SparseRows<int32_t> count_hashed(int32_t columns, bool with_sign,
                                 const std::vector<Document>& documents, const Analysis& how,
                                 const CharacterTables& tables);

}  // namespace luce
