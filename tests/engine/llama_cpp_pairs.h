#pragma once
#include "engine/data/files.h"
#include "engine/data/tokenizer.h"
#include <sstream>
#include <utility>

namespace sweetspot {

/// llama.cpp's test texts for a vocabulary and their ids, without special ones: in STEM.inp the
/// texts with a marker between, in STEM.out a line of ids for each.
inline std::vector<std::pair<std::string, Tokens>> llama_cpp_pairs(const std::string& stem) {
    const std::string marker = "\n__ggml_vocab_test__\n", texts = read_file(stem + ".inp");
    std::istringstream lines(read_file(stem + ".out"));
    std::vector<std::pair<std::string, Tokens>> pairs;
    std::string line;
    for (std::size_t begin = 0; std::getline(lines, line);) {
        const auto end = texts.find(marker, begin);
        Tokens ids;
        std::istringstream numbers(line);
        for (std::int32_t id; numbers >> id;) ids.push_back(id);
        pairs.emplace_back(texts.substr(begin, end - begin), std::move(ids));
        begin = end == texts.npos ? texts.size() : end + marker.size();
    }
    return pairs;
}

} // namespace sweetspot
