#include "app/store/ceilings_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <fstream>

namespace sweetspot {

namespace {

std::filesystem::path file_of(std::filesystem::path store) {
    return store += ".ceilings.jsonl";
}

} // namespace

std::vector<Ceilings> read_ceilings(const std::filesystem::path& store) {
    std::vector<Ceilings> y;
    std::ifstream file(file_of(store));
    for (std::string line; std::getline(file, line);)
        if (!line.empty()) y.push_back(ceilings_from_json_line(line));
    return y;
}

void keep_ceilings(const std::filesystem::path& store, const Ceilings& measured) {
    auto all = read_ceilings(store);
    std::erase_if(all, [&](const Ceilings& one) {
        return one.device == measured.device && one.threads == measured.threads;
    });
    all.push_back(measured);
    const auto path = file_of(store);
    const std::filesystem::path part = path.string() + ".part";
    std::ofstream file(part);
    for (const Ceilings& one : all) file << to_json_line(one) << '\n';
    file.close();
    std::error_code error;
    if (file) std::filesystem::rename(part, path, error);
    if (!file || error)
        throw Error(Failure::file, "the ceilings could not be written to " + path.string());
}

std::optional<Ceilings> find_ceilings(const std::filesystem::path& store, const std::string& device,
                                      int threads) {
    for (const Ceilings& one : read_ceilings(store))
        if (one.device == device && one.threads == threads) return one;
    return {};
}

} // namespace sweetspot
