// What becomes of each setting of a config.json: one change to a file that is understood.
#include "engine/config/foreign_tensors.h"
#include "engine/config/hugging_face.h"
#include "files.h"
#include "tests/suite.h"
#include <QtTest>
#include <set>

using namespace sweetspot;
using files::error_of;

class HuggingFaceTest : public QObject {
    Q_OBJECT

    static Json config(const char* kind) {
        Json values =
            read_json(SWEETSPOT_SOURCE_DIR "/tests/golden/" + std::string(kind) + "/config.json");
        return values;
    }
    /// The same without one key.
    static Json without(const Json& values, std::string_view key) {
        Json rest = Json::object();
        for (const auto& [name, value] : values.items())
            if (name != key) rest.add(name, value);
        return rest;
    }
    static ModelConfig read(const Json& values) {
        return model_from_hugging_face(values, "f/config.json");
    }

private slots:
    void what_computes_something_else_is_refused_by_name_data() {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("value"); // none: the key is left out
        QTest::addColumn<QString>("error");
        const auto row = [](const char* kind, const char* key, const char* value,
                            const char* error) {
            QTest::addRow("%s %s %s", kind, key, value) << kind << key << value << error;
        };
        const char *esm = "esm2-tiny", *llama = "llama-tiny", *gpt2 = "gpt2-bare";
        row(esm, "position_embedding_type", "",
            "unsupported: f/config.json: \"position_embedding_type\" is not given, and so "
            "\"absolute\"; only \"rotary\" is supported (how positions enter)");
        row(esm, "position_embedding_type", "null",
            "unsupported: f/config.json: \"position_embedding_type\" is null; only \"rotary\" is "
            "supported (how positions enter)");
        row(esm, "is_decoder", "true",
            "unsupported: f/config.json: \"is_decoder\" is true; only false is supported (tokens "
            "see only those before them)");
        row(esm, "mask_token_id", "2",
            "unsupported: f/config.json: \"mask_token_id\" is 2; only 32 is supported (ESM-2's "
            "<mask>; another means another alphabet)");
        row(esm, "rope_theta", "5000",
            "unsupported: f/config.json: \"rope_theta\" is 5000; only 10000.0 is supported "
            "(transformers 4 always takes 10000)");
        row(esm, "emb_layer_norm_before", "true",
            "unsupported: f/config.json: \"emb_layer_norm_before\" is true; only false or null is "
            "supported (a norm before the first block)");
        row(esm, "vocab_size", "", "bad_input: f/config.json: \"vocab_size\" is missing");
        row(esm, "num_attention_heads", "3",
            "bad_input: f/config.json: 64 channels cannot be shared by 3 heads");
        row(llama, "rope_scaling", R"({"factor": 4.0})",
            "unsupported: f/config.json: \"rope_scaling\": \"factor\" scales positions, which is "
            "not supported of the type default");
        row(llama, "rope_scaling", R"({"rope_type": "longrope", "factor": 8.0})",
            "unsupported: f/config.json: \"rope_scaling\": positions scaled by \"longrope\" are "
            "not supported");
        row(llama, "rope_scaling", R"({"rope_type": "llama3", "factor": 8.0})",
            "bad_input: f/config.json: \"rope_scaling\": \"low_freq_factor\" is missing");
        row(llama, "rope_scaling", R"({"rope_type": "yarn", "factor": 8.0, "truncate": false})",
            "unsupported: f/config.json: \"rope_scaling\": \"truncate\" scales positions, which is "
            "not supported of the type yarn");
        row(llama, "rope_scaling", R"({"rope_type": "linear", "factor": 0})",
            "bad_input: f/config.json: what scales rotary positions must be above 0, not 0");
        row(llama, "rope_parameters", R"({"rope_theta": "much"})",
            "bad_input: f/config.json: \"rope_parameters\": \"much\" is not a number");
        row(llama, "attention_bias", "true",
            "unsupported: f/config.json: \"attention_bias\" is true; only false is supported "
            "(biases in attention, of its output, too)");
        row(llama, "sliding_window", "4096",
            "unsupported: f/config.json: \"sliding_window\" is 4096; only null is supported (how "
            "far back a token sees)");
        row(llama, "quantization_config", R"({"quant_method": "bitsandbytes"})",
            "unsupported: f/config.json: \"quantization_config\": the weights are quantised by "
            "\"bitsandbytes\"; gptq and awq are read");
        row(llama, "final_logit_softcapping", "30.0",
            "unsupported: f/config.json: \"final_logit_softcapping\" is no setting that is known "
            "of llama and might change what it computes (`sweetspot list settings`)");
        row(llama, "hidden_size", "4294967360",
            "bad_input: f/config.json: \"hidden_size\": 4294967360 is not a whole number from "
            "-2147483648 to 2147483647");
        row(llama, "hidden_size", "64.9",
            "bad_input: f/config.json: \"hidden_size\": 64.9 is not a whole number from "
            "-2147483648 to 2147483647");
        row(llama, "hidden_size", "true",
            "bad_input: f/config.json: \"hidden_size\": true is not a whole number from "
            "-2147483648 to 2147483647");
        row(llama, "hidden_size", "[[1]]",
            "bad_input: f/config.json: \"hidden_size\": a list is not a whole number from "
            "-2147483648 to 2147483647");
        row(llama, "num_hidden_layers", "2000000",
            "bad_input: f/config.json: layers must be at most 10000, not 2000000");
        row(gpt2, "scale_attn_by_inverse_layer_idx", "true",
            "unsupported: f/config.json: \"scale_attn_by_inverse_layer_idx\" is true; only false "
            "is supported (scores over the layer's number)");
        row(gpt2, "pruned_heads", R"({"0": [1]})",
            "unsupported: f/config.json: \"pruned_heads\" is an object; only {} or null is "
            "supported (heads that are left out)");
        row(gpt2, "n_inner", "2147483647",
            "bad_input: f/config.json: mlp_width must be at most 1048576, not 2147483647");
        row(gpt2, "model_type", "\"bert\"",
            "unsupported: f/config.json: \"model_type\" is \"bert\", which has norms behind "
            "attention and MLP; esm, llama, mistral, qwen2, qwen3, gpt2 are supported");
        row(gpt2, "model_type", "\"new\"",
            "unsupported: f/config.json: \"model_type\" is \"new\"; esm, llama, mistral, qwen2, "
            "qwen3, gpt2 are supported");
        row("families/qwen2", "use_sliding_window", "true",
            "unsupported: f/config.json: \"use_sliding_window\" is true; only false is supported "
            "(windows of attention in some layers)");
        row("families/qwen3", "layer_types", R"(["full_attention", "sliding_attention"])",
            "unsupported: f/config.json: \"layer_types\": layers of \"sliding_attention\" are not "
            "supported");
    }
    void what_computes_something_else_is_refused_by_name() {
        QFETCH(QString, kind);
        QFETCH(QString, key);
        QFETCH(QString, value);
        QFETCH(QString, error);
        Json values = config(qPrintable(kind));
        if (value.isEmpty())
            values = without(values, key.toStdString());
        else
            values[key.toStdString()] = parse_json(value.toStdString(), "value");
        QCOMPARE(error_of([&] { read(values); }), error);
    }

    void what_is_left_out_has_the_formats_default() {
        const ModelConfig esm = read(parse_json(
            R"({"model_type": "esm", "vocab_size": 33, "position_embedding_type": "rotary",
                "mask_token_id": 32})",
            ""));
        QCOMPARE(esm.layers, 12);
        QCOMPARE(esm.head_size, 64);
        QCOMPARE(esm.mlp_width, 3072);
        QCOMPARE(esm.positions, 1026);
        QCOMPARE(esm.norm_epsilon, 1e-12);
        QVERIFY(esm.tied_head && !esm.token_dropout && !esm.causal && esm.bias);
        const ModelConfig llama =
            read(parse_json(R"({"model_type": "llama", "vocab_size": 32000})", ""));
        QCOMPARE(llama.layers, 32);
        QCOMPARE(llama.kv_heads, 32);
        QCOMPARE(llama.mlp_width, 11008);
        QCOMPARE(llama.norm_epsilon, 1e-6);
        QVERIFY(!llama.tied_head && llama.causal && !llama.bias);
        const ModelConfig gpt2 =
            read(parse_json(R"({"model_type": "gpt2", "vocab_size": 50257})", ""));
        QCOMPARE(gpt2.width, 768);
        QCOMPARE(gpt2.mlp_width, 3072);
        QCOMPARE(gpt2.positions, 1024);
        QVERIFY(gpt2.tied_head && gpt2.mlp == MlpStyle::gelu_tanh);
    }

    void what_is_honoured_reaches_the_model() {
        Json esm = config("esm2-tiny");
        esm["tie_word_embeddings"] = false;
        QVERIFY(!read(esm).tied_head);
        Json gpt2 = config("gpt2-bare");
        gpt2["activation_function"] = "gelu";
        gpt2["n_inner"] = 40;
        QCOMPARE(read(gpt2).mlp, MlpStyle::gelu);
        QCOMPARE(read(gpt2).mlp_width, 40);
        Json llama = without(config("llama-tiny"), "rope_parameters");
        QCOMPARE(read(llama).rotary_base, 10000.0);
        llama["rope_theta"] = 1e6;
        QCOMPARE(read(llama).rotary_base, 1e6);
        llama["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
        QCOMPARE(read(llama).rotary_base, 5e5);
        llama["rope_parameters"] = {{"rope_type", "llama3"},
                                    {"factor", 8.0},
                                    {"low_freq_factor", 1.0},
                                    {"high_freq_factor", 4.0}};
        QCOMPARE(read(llama).rotary_scaling, RotaryScaling::llama3);
        QCOMPARE(read(llama).rotary_positions, 128); // as transformers: those of the model
        QCOMPARE(read(config("families/mistral")).window, 7);
        QVERIFY(read(config("families/qwen2")).qkv_bias && read(config("families/qwen3")).qk_norm);
        llama["head_dim"] = 32;
        QCOMPARE(read(llama).head_size, 32);
    }

    void every_tensor_that_no_model_is_made_of_is_listed_with_its_reason() {
        std::set<std::pair<std::string, std::string_view>> names;
        for (const auto& tensor : foreign_tensors()) {
            QVERIFY(!tensor.meaning.empty());
            QVERIFY(names.insert({model_type_of(tensor.family), tensor.ending}).second);
        }
        QVERIFY(names.contains({"gpt2", ".attn.masked_bias"}));
    }

    void every_key_is_listed_once_with_its_reason() {
        std::set<std::pair<std::string, std::string>> keys;
        for (const auto& setting : foreign_settings()) {
            QVERIFY2(keys.insert({setting.model_type, setting.key}).second, setting.key.c_str());
            QVERIFY2(!setting.meaning.empty() && !setting.use.empty(), setting.key.c_str());
            if (!setting.standard.empty()) parse_json(setting.standard, setting.key);
        }
        QVERIFY(keys.contains({"esm", "rope_theta"}));
        for (const auto& [model_type, key] : keys)
            QVERIFY2(model_type == "all" || !keys.contains({"all", key}), key.c_str());
    }
};

SWEETSPOT_TEST(HuggingFaceTest)
#include "hugging_face_test.moc"
