#include "engine/config/foreign_format.h"

namespace sweetspot {

std::string_view foreign_format(std::string_view first_bytes) {
    struct Format {
        std::string_view begins, clause;
    };
    constexpr Format formats[] = {
        {"GGUF", "is a GGUF file of llama.cpp's; name it .gguf to have it read as one"},
        {"PK\x03\x04", "is a zip, as PyTorch writes its pickles, which are not read; convert it to "
                       "safetensors"},
        {"\x80\x02", "is a pickle, as PyTorch writes it, which is not read; convert it to "
                     "safetensors"},
        {"\x89HDF", "is an HDF5 file, as Keras writes it, which is not read; take the safetensors "
                    "files"},
        {"<!DOCTYPE", "is a web page; the download of a file went wrong"},
        {"<html", "is a web page; the download of a file went wrong"}};
    for (const auto& format : formats)
        if (first_bytes.starts_with(format.begins)) return format.clause;
    return {};
}

} // namespace sweetspot
