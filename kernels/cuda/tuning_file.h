#pragma once
#include <map>
#include <optional>
#include <string>

namespace sweetspot {

/// What was found out by measuring on this machine and need not be measured again: a line for each
/// key, in `name` in the user's cache folder ($XDG_CACHE_HOME/sweetspot, else
/// ~/.cache/sweetspot). It only saves time: what cannot be read or written is measured again. Of
/// several lines with one key the last counts, so that processes may add to it at once.
class TuningFile {
public:
    explicit TuningFile(const std::string& name);

    std::optional<std::string> find(const std::string& key) const;
    /// Neither has a tab or the end of a line in it.
    void add(const std::string& key, const std::string& value);

private:
    std::string path_; ///< "" where there is no such folder
    std::map<std::string, std::string> known_{};
};

} // namespace sweetspot
