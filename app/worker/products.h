#pragma once
#include <functional>
#include <string>

namespace sweetspot {

/// Multiplies on the CPU as a small LLaMA does, and says a line for each kind of product: which
/// library or kernel serves it, how fast, and what share of the machine's ceiling that is (products
/// of registers alone; for one token, a plain read of as many bytes). Takes about a second.
void say_products(int threads, const std::function<void(const std::string&)>& say);

} // namespace sweetspot
