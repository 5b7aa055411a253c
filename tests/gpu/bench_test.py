"""Tests the GPU's bench where there is no GPU: with invented answers, and with cuda_rounds on the emulated GPU.

    python3 bench_test.py [EMULATED_CUDA_ROUNDS]
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import studies  # noqa: E402: found by the line above
from peers import Peers, PeerFailed  # noqa: E402

emulated_cuda_rounds = None


def dry_run(folder, rules, *arguments):
    """Exit status, figures and page of a bench whose answers are invented."""
    out = Path(folder)
    (out / "rules.json").write_text(json.dumps(rules))
    status = subprocess.run([sys.executable, HERE / "bench.py", "--build", out, "--out", out / "out", "--rounds", "3",
                             "--dry-run", out / "rules.json", *arguments], capture_output=True, text=True)
    return status.returncode, json.loads((out / "out/figures.json").read_text()), \
        (out / "out/RESULTS.md").read_text()


def rows_of(figures):
    return {row["name"]: row for study in figures["studies"] for row in study["rows"]}


class BenchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_bench(self, rules, *arguments):
        return dry_run(self.folder.name, rules, *arguments)

    def test_a_ratio_is_the_median_of_neighbouring_rounds_after_one_that_warms_up(self):
        status, figures, page = self.run_bench(
            [{"command": "layout=ragged", "answer": {"seconds": [99, 0.5, 0.4, 0.8]}}], "--only", "ragged")
        row = rows_of(figures)["ragged over the best of padded and bucketed"]
        self.assertEqual((row["median"], row["lower"], row["upper"]), (2, 1.25, 2.5))
        self.assertTrue(row["met"])
        self.assertEqual(status, 0)
        self.assertIn("| ragged on real proteins over the best of padded and bucketed | 1.2 | 2.000 |", page)

    def test_a_missed_bar_is_named_and_is_the_exit_status(self):
        status, figures, page = self.run_bench(
            [{"measure": "compile=1", "answer": {"seconds": 1.05}},
             {"command": "peer_torch", "answer": {"seconds": 1.5}},
             {"command": "esm2-650m", "answer": {"flops": 6e14}}], "--only", "esm2")
        rows = rows_of(figures)
        self.assertTrue(rows["ESM-2 650M 64 x 1,024 over PyTorch (SDPA, eager)"]["met"])
        self.assertFalse(rows["ESM-2 650M 64 x 1,024 over torch.compile"]["met"])
        self.assertAlmostEqual(rows["ESM-2 650M: FLOPs used, of the data sheet's peak"]["median"], 600 / 989.5)
        self.assertEqual(status, 3)
        self.assertIn("**missed**", page)

    def test_the_worst_shape_decides(self):
        status, figures, page = self.run_bench(
            [{"command": "cuda_rounds", "measure": "flash,heads=16,head_size=128,batch=8,length=2048,causal=1",
              "answer": {"seconds": 1.05}}], "--only", "attention")
        self.assertEqual(status, 3)
        self.assertIn("over PyTorch's FlashAttention-2; worst: 128 channels, 2048 tokens, causal", page)
        self.assertEqual(sum(not row["met"] for row in rows_of(figures).values()), 1)

    def test_a_side_that_ends_costs_its_rows_only(self):
        status, figures, page = self.run_bench([{"command": "peer_torch", "answer": {"dies": True}}],
                                               "--only", "esm2,decode")
        rows = rows_of(figures)
        self.assertIn("torch: ended: it was told to die",
                      rows["ESM-2 650M 64 x 1,024 over PyTorch (SDPA, eager)"]["error"])
        self.assertIn("median", rows["ESM-2 650M: launch graph over eager"])
        self.assertIn("median", rows["bytes read a second over the copy's"])
        self.assertEqual(status, 1)
        self.assertIn("not measured", page)

    def test_a_shape_that_a_side_refuses_costs_that_shape_only(self):
        status, figures, _ = self.run_bench(
            [{"measure": "kind=vendor,heads=32,head_size=64,batch=32,length=512,causal=0",
              "answer": {"error": "no engine"}}],
            "--only", "attention")
        errors = [row for row in rows_of(figures).values() if "error" in row]
        self.assertEqual([row["error"] for row in errors], ["cudnn: no engine"])
        self.assertEqual(status, 1)

    def test_layouts_that_compute_other_sequences_are_not_compared(self):
        status, figures, _ = self.run_bench([{"command": "layout=padded", "answer": {"tokens": 1001}}],
                                            "--only", "ragged")
        self.assertIn("the same sequences", rows_of(figures)["ragged over the best of padded and bucketed"]["error"])
        self.assertEqual(status, 1)

    def test_overlap_is_of_the_smaller_of_copy_and_compute_time(self):
        # 1.5e12 bytes at 3e12 a second are 0.5 s alone; 0.5 + 0.6 - 0.65 of 0.5.
        _, figures, _ = self.run_bench(
            [{"command": "weight_memory=streamed", "answer": {"seconds": 0.65}},
             {"command": "esm2-3b", "answer": {"seconds": 0.6}}], "--only", "overlap")
        rows = rows_of(figures)
        self.assertAlmostEqual(rows["(copy alone + compute alone - streamed) / the smaller of the two"]["median"], 0.9)

    def test_a_kernel_without_an_op_and_a_lost_record_miss_their_bars(self):
        self.assertEqual(self.run_bench([], "--only", "trace")[0], 0)
        status, figures, _ = self.run_bench(
            [{"command": "esm2-650m", "measure": "trace", "answer": {"kernels_of_ops": 399, "dropped": 1,
                                                                     "worst_difference": 0.03}}],
            "--only", "trace")
        missed = {row["bar_text"] for study in figures["studies"] for row in study["rows"] if not row["met"]}
        self.assertEqual(missed, {"tracing: kernels whose op is known, of all", "tracing: records kept, of all",
                                  "tracing: sums of regions beside events"})
        self.assertEqual(status, 3)

    def test_a_decoded_token_of_llama_7b_reads_13_gb_of_weights(self):
        self.assertEqual(studies.decode_bytes("llama2-7b", 0), 13_214_154_752)
        self.assertEqual(studies.decode_bytes("llama2-7b", 100) - 13_214_154_752, 52_428_800)

    def test_what_time_did_not_allow_is_not_measured(self):
        status, figures, _ = self.run_bench([], "--only", "decode", "--seconds", "0")
        self.assertIn("time was up", rows_of(figures)["bytes read a second over the copy's"]["error"])
        self.assertEqual(status, 1)

    def test_every_part_can_be_tried(self):
        status, figures, page = self.run_bench([])
        self.assertEqual({study["part"] for study in figures["studies"]}, set(studies.PARTS))
        self.assertEqual([row for row in rows_of(figures).values() if "error" in row], [])
        self.assertIn("A dry run: every number is invented.", page)
        self.assertEqual(status, 3)

    def test_a_late_answer_is_a_failure(self):
        rules = Path(self.folder.name) / "rules.json"
        rules.write_text(json.dumps([{"measure": "slow", "answer": {"sleeps": 30}}]))
        peers = Peers()
        self.addCleanup(peers.end)
        command = (sys.executable, str(HERE / "fake_peer.py"), str(rules), "a peer")
        self.assertEqual(peers.round(command, "quick", 10)["seconds"], 1)
        with self.assertRaisesRegex(PeerFailed, "no answer within 0 s"):
            peers.round(command, "slow", 0.2)

    def test_a_program_that_is_not_there_is_a_failure(self):
        peers = Peers()
        with self.assertRaisesRegex(PeerFailed, "No such file"):
            peers.round(("/no/such/program",), "forward", 10)


class CudaRoundsTest(unittest.TestCase):
    measures = ("attention,heads=2,head_size=64,batch=1,length=65", "copy,way=device,bytes=1048576",
                "attention,heads=2,head_size=64,batch=1,length=65,kind=vendor", "matmul,rows=4,cows=5",
                "matmul,rows=16,outputs=64,inputs=32,bias=1,tuned=1",
                *(f"sparse,way={way},rows=16,outputs=64,inputs=32" for way in studies.SPARSE_WAYS),
                "sparse,rows=12,outputs=64,inputs=32", "sparse,rows=16,outputs=24,inputs=32")

    def setUp(self):
        if not emulated_cuda_rounds:
            self.skipTest("needs cuda_rounds, built for the emulated GPU")
        self.peers = Peers()
        self.addCleanup(self.peers.end)

    def round(self, measure):
        return self.peers.round((emulated_cuda_rounds, *self.measures), measure, 60)

    def test_a_round_counts_the_work_of_all_its_launches(self):
        answer = self.round(self.measures[0])
        self.assertEqual(answer["flops"], answer["launches"] * 4 * 65 * 65 * 64 * 2)
        self.assertGreater(answer["seconds"], 0)

    def test_a_copy_on_the_gpu_moves_its_bytes_twice(self):
        answer = self.round(self.measures[1])
        self.assertEqual(answer["bytes"], answer["launches"] * 2 * 1048576)

    def test_products_of_2_4_are_done_in_every_way_and_count_as_the_dense_one(self):
        """By a cuSPARSELt that stands in for the real one."""
        for measure in self.measures[4:10]:
            answer = self.round(measure)
            self.assertEqual(answer["flops"], answer["launches"] * 2 * 16 * 64 * 32, measure)
            self.assertGreater(answer["seconds"], 0)
        self.assertEqual(answer["facts"]["cusparseLt"], "0.8.1")
        ways = [value for name, value in answer["facts"].items() if "rows x 2:4 [64, 32]^T, bf16" in name]
        self.assertTrue(any(value.startswith("algorithm 2") for value in ways), ways)
        self.assertIn("the library's first algorithm", ways)

    def test_shapes_that_2_4_has_no_kernel_for_are_said(self):
        with self.assertRaisesRegex(PeerFailed, "multiple of 8"):
            self.round(self.measures[10])
        with self.assertRaisesRegex(PeerFailed, r"no kernel takes \[24, 32\]"):
            self.round(self.measures[11])

    def test_what_cannot_be_done_is_said_and_the_rest_goes_on(self):
        with self.assertRaisesRegex(PeerFailed, "cuDNN"):
            self.round(self.measures[2])
        with self.assertRaisesRegex(PeerFailed, "matmul has no setting cows"):
            self.round(self.measures[3])
        self.assertGreater(self.round(self.measures[0])["seconds"], 0)


if __name__ == "__main__":
    if len(sys.argv) > 1 and Path(sys.argv[1]).is_file():
        emulated_cuda_rounds = sys.argv.pop(1)
    unittest.main()
