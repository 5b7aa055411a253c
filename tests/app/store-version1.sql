-- A database as version 1 of the schema had it, written by Sweetspot 0.1.0 (commit 27b34dd8692b): `sweetspot run -m
-- stories260k -b 1,2 -s 8 -r 3`, then `-b 2 -s 8,4096`, whose first point is a run of the first sweep. Most regions and
-- memory points are left out.
BEGIN;
CREATE TABLE changes(count INTEGER NOT NULL);
INSERT INTO "changes" VALUES(765);
CREATE TABLE environments(id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
INSERT INTO "environments" VALUES(1,'{"build":"GNU 12.2.0, RelWithDebInfo","commit":"27b34dd8692b","cores":"2","cpu":"AMD EPYC","cpu_mhz":"2596.126","governor":"unknown","host":"vm","isa":"AVX-512 with bf16","kernel":"Linux 6.18.44-fc-v669","load_average":"4.86 3.25 2.20 8/161 2285","memory_bytes":"25276502016","onednn":"2.6.3","sweetspot":"0.1.0","threads":"1"}');
INSERT INTO "environments" VALUES(2,'{"build":"GNU 12.2.0, RelWithDebInfo","commit":"27b34dd8692b","cores":"2","cpu":"AMD EPYC","cpu_mhz":"2596.126","governor":"unknown","host":"vm","isa":"AVX-512 with bf16","kernel":"Linux 6.18.44-fc-v669","load_average":"4.86 3.25 2.20 8/162 2286","memory_bytes":"25276502016","onednn":"2.6.3","sweetspot":"0.1.0","threads":"1"}');
INSERT INTO "environments" VALUES(3,'{"build":"GNU 12.2.0, RelWithDebInfo","commit":"27b34dd8692b","cores":"2","cpu":"AMD EPYC","cpu_mhz":"2596.126","governor":"unknown","host":"vm","isa":"AVX-512 with bf16","kernel":"Linux 6.18.44-fc-v669","load_average":"4.86 3.25 2.20 8/163 2292","memory_bytes":"25276502016","onednn":"2.6.3","sweetspot":"0.1.0","threads":"1"}');
CREATE TABLE memory_points(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    seconds REAL,
    weights REAL,
    activations REAL,
    gradients REAL,
    optimizer REAL,
    kv_cache REAL,
    workspace REAL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;
INSERT INTO "memory_points" VALUES(1,54,5.2e-07,1227776.0,64.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(1,55,3.945e-06,1227776.0,2112.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(1,56,4.176e-06,1227776.0,4160.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(1,57,6.099e-06,1227776.0,8256.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(2,54,2.21e-07,1227776.0,64.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(2,55,3.135e-06,1227776.0,4160.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(2,56,3.616e-06,1227776.0,8256.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(2,57,5.829e-06,1227776.0,16448.0,0.0,0.0,0.0,331776.0);
INSERT INTO "memory_points" VALUES(3,54,3.5e-07,1358592.0,32768.0,0.0,0.0,0.0,1123328.0);
INSERT INTO "memory_points" VALUES(3,55,0.00022201,1358592.0,4227072.0,0.0,0.0,0.0,1123328.0);
INSERT INTO "memory_points" VALUES(3,56,0.000354918,1358592.0,7372800.0,0.0,0.0,0.0,1123328.0);
INSERT INTO "memory_points" VALUES(3,57,0.001136813,1358592.0,6324224.0,0.0,0.0,0.0,1123328.0);
CREATE TABLE metrics(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY(run_id, name)) WITHOUT ROWID;
INSERT INTO "metrics" VALUES(1,'bytes_moved',1417632.0);
INSERT INTO "metrics" VALUES(1,'flops',4291776.0);
INSERT INTO "metrics" VALUES(1,'load_seconds',0.014662847);
INSERT INTO "metrics" VALUES(1,'peak_activations_bytes',22592.0);
INSERT INTO "metrics" VALUES(1,'peak_bytes',1582144.0);
INSERT INTO "metrics" VALUES(1,'peak_gradients_bytes',0.0);
INSERT INTO "metrics" VALUES(1,'peak_kv_cache_bytes',0.0);
INSERT INTO "metrics" VALUES(1,'peak_optimizer_bytes',0.0);
INSERT INTO "metrics" VALUES(1,'peak_weights_bytes',1227776.0);
INSERT INTO "metrics" VALUES(1,'peak_workspace_bytes',331776.0);
INSERT INTO "metrics" VALUES(1,'predicted_peak_bytes',1582144.0);
INSERT INTO "metrics" VALUES(1,'rss_bytes',16355328.0);
INSERT INTO "metrics" VALUES(1,'tokens_computed',8.0);
INSERT INTO "metrics" VALUES(1,'tokens_nominal',8.0);
INSERT INTO "metrics" VALUES(1,'tokens_padded',8.0);
INSERT INTO "metrics" VALUES(1,'trace_overhead',1.40924643068345067931e-01);
INSERT INTO "metrics" VALUES(2,'bytes_moved',1793728.0);
INSERT INTO "metrics" VALUES(2,'flops',8583552.0);
INSERT INTO "metrics" VALUES(2,'load_seconds',0.005326145);
INSERT INTO "metrics" VALUES(2,'peak_activations_bytes',45120.0);
INSERT INTO "metrics" VALUES(2,'peak_bytes',1604672.0);
INSERT INTO "metrics" VALUES(2,'peak_gradients_bytes',0.0);
INSERT INTO "metrics" VALUES(2,'peak_kv_cache_bytes',0.0);
INSERT INTO "metrics" VALUES(2,'peak_optimizer_bytes',0.0);
INSERT INTO "metrics" VALUES(2,'peak_weights_bytes',1227776.0);
INSERT INTO "metrics" VALUES(2,'peak_workspace_bytes',331776.0);
INSERT INTO "metrics" VALUES(2,'predicted_peak_bytes',1604672.0);
INSERT INTO "metrics" VALUES(2,'rss_bytes',16809984.0);
INSERT INTO "metrics" VALUES(2,'tokens_computed',16.0);
INSERT INTO "metrics" VALUES(2,'tokens_nominal',16.0);
INSERT INTO "metrics" VALUES(2,'tokens_padded',16.0);
INSERT INTO "metrics" VALUES(2,'trace_overhead',-7.09636016293255789122e-02);
INSERT INTO "metrics" VALUES(3,'bytes_moved',401783296.0);
INSERT INTO "metrics" VALUES(3,'flops',25827672064.0);
INSERT INTO "metrics" VALUES(3,'load_seconds',0.014740523);
INSERT INTO "metrics" VALUES(3,'peak_activations_bytes',7372800.0);
INSERT INTO "metrics" VALUES(3,'peak_bytes',9854720.0);
INSERT INTO "metrics" VALUES(3,'peak_gradients_bytes',0.0);
INSERT INTO "metrics" VALUES(3,'peak_kv_cache_bytes',0.0);
INSERT INTO "metrics" VALUES(3,'peak_optimizer_bytes',0.0);
INSERT INTO "metrics" VALUES(3,'peak_weights_bytes',1358592.0);
INSERT INTO "metrics" VALUES(3,'peak_workspace_bytes',1123328.0);
INSERT INTO "metrics" VALUES(3,'predicted_peak_bytes',9854720.0);
INSERT INTO "metrics" VALUES(3,'rss_bytes',61603840.0);
INSERT INTO "metrics" VALUES(3,'tokens_computed',8192.0);
INSERT INTO "metrics" VALUES(3,'tokens_nominal',8192.0);
INSERT INTO "metrics" VALUES(3,'tokens_padded',8192.0);
INSERT INTO "metrics" VALUES(3,'trace_overhead',5.23035552459827357552e-03);
CREATE TABLE points(
    sweep_id INTEGER NOT NULL REFERENCES sweeps(id),
    position INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs(id),
    PRIMARY KEY(sweep_id, position)) WITHOUT ROWID;
INSERT INTO "points" VALUES(1,0,1);
INSERT INTO "points" VALUES(1,1,2);
INSERT INTO "points" VALUES(2,0,2);
INSERT INTO "points" VALUES(2,1,3);
CREATE TABLE regions(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    path TEXT NOT NULL,
    calls INTEGER NOT NULL,
    start_seconds REAL,
    seconds REAL,
    flops REAL,
    bytes REAL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;
INSERT INTO "regions" VALUES(1,4,'upload',1,2.924e-06,2.69999999999999956007e-07,0.0,128.0);
INSERT INTO "regions" VALUES(1,5,'embedding',1,4.797e-06,2.30000000000000338982e-07,0.0,4128.0);
INSERT INTO "regions" VALUES(1,6,'layer 0',1,5.237e-06,4.8653e-05,752576.0,247808.0);
INSERT INTO "regions" VALUES(2,4,'upload',1,2.274e-06,1.09999999999999793852e-07,0.0,128.0);
INSERT INTO "regions" VALUES(2,5,'embedding',1,4.066e-06,3.01000000000000167421e-07,0.0,8256.0);
INSERT INTO "regions" VALUES(2,6,'layer 0',1,4.577e-06,6.67599999999999910074e-05,1505152.0,313600.0);
INSERT INTO "regions" VALUES(3,4,'upload',1,7.1606e-05,3.6559999999999934564e-06,0.0,65536.0);
INSERT INTO "regions" VALUES(3,5,'embedding',1,0.000223633,1.20580000000000014427e-04,0.0,4227072.0);
INSERT INTO "regions" VALUES(3,6,'layer 0',1,0.000344663,0.086391018,5057216512.0,69849600.0);
CREATE TABLE runs(
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE DEFAULT (randomblob(16)),
    sweep_id INTEGER NOT NULL REFERENCES sweeps(id),
    hash TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    started_unix_seconds REAL NOT NULL DEFAULT 0,
    ended_unix_seconds REAL NOT NULL DEFAULT 0,
    environment_id INTEGER REFERENCES environments(id));
INSERT INTO "runs" VALUES(1,X'2342DFF08A6F3A579EFAB506213F1665',1,'b0b3a4d6e3efb57e','{"model":"stories260k","weights":"random","seed":1,"task":"forward","device":"cpu","plan_for":"cpu","gpu":0,"threads":1,"memory_limit_bytes":0.0,"allow_oversubscription":false,"dropout":0.0,"as_published":"none","batch":1,"sequence":8,"token_budget":0,"batches":1,"lengths":"fixed","data":"random","column":"sequence","tokenizer":"auto","unknown_letters":"unk","attention":"flash","layout":"padded","precision":"f32","fusion":"epilogues","launch":"eager","weight_memory":"device","weight_budget_bytes":0.0,"prefetch":"none","prefetch_depth":2,"prefetch_streams":2,"memory_advice":"none","mask_fraction":0.15,"pseudo_perplexity":false,"max_tokens":0,"prompt":"","new_tokens":64,"temperature":0.0,"top_p":1.0,"warmup":1,"repeats":3,"max_repeats":3,"noise":0.01,"min_seconds":0.0,"timeout_seconds":600.0,"trace":true}','done','','',1795970116.15443,1.79597011619449877743e+09,1);
INSERT INTO "runs" VALUES(2,X'C947004F6242A11D50A5914FD5B4E5E0',1,'2890ea1c16e5bf6b','{"model":"stories260k","weights":"random","seed":1,"task":"forward","device":"cpu","plan_for":"cpu","gpu":0,"threads":1,"memory_limit_bytes":0.0,"allow_oversubscription":false,"dropout":0.0,"as_published":"none","batch":2,"sequence":8,"token_budget":0,"batches":1,"lengths":"fixed","data":"random","column":"sequence","tokenizer":"auto","unknown_letters":"unk","attention":"flash","layout":"padded","precision":"f32","fusion":"epilogues","launch":"eager","weight_memory":"device","weight_budget_bytes":0.0,"prefetch":"none","prefetch_depth":2,"prefetch_streams":2,"memory_advice":"none","mask_fraction":0.15,"pseudo_perplexity":false,"max_tokens":0,"prompt":"","new_tokens":64,"temperature":0.0,"top_p":1.0,"warmup":1,"repeats":3,"max_repeats":3,"noise":0.01,"min_seconds":0.0,"timeout_seconds":600.0,"trace":true}','done','','',1795970116.19549,1.79597011620511317255e+09,2);
INSERT INTO "runs" VALUES(3,X'08CAA87265C29F9CC63964C9E697DC51',2,'34293283dcdf2645','{"model":"stories260k","weights":"random","seed":1,"task":"forward","device":"cpu","plan_for":"cpu","gpu":0,"threads":1,"memory_limit_bytes":0.0,"allow_oversubscription":false,"dropout":0.0,"as_published":"none","batch":2,"sequence":4096,"token_budget":0,"batches":1,"lengths":"fixed","data":"random","column":"sequence","tokenizer":"auto","unknown_letters":"unk","attention":"flash","layout":"padded","precision":"f32","fusion":"epilogues","launch":"eager","weight_memory":"device","weight_budget_bytes":0.0,"prefetch":"none","prefetch_depth":2,"prefetch_streams":2,"memory_advice":"none","mask_fraction":0.15,"pseudo_perplexity":false,"max_tokens":0,"prompt":"","new_tokens":64,"temperature":0.0,"top_p":1.0,"warmup":1,"repeats":3,"max_repeats":3,"noise":0.01,"min_seconds":0.0,"timeout_seconds":600.0,"trace":true}','done','','',1.7959701162936987877e+09,1.79597011912521338462e+09,3);
CREATE TABLE samples(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    metric TEXT NOT NULL,
    step INTEGER NOT NULL,
    value REAL,
    warmup INTEGER NOT NULL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;
INSERT INTO "samples" VALUES(1,0,'step_seconds',0,0.007096052,1);
INSERT INTO "samples" VALUES(1,1,'step_seconds',0,0.000292025,0);
INSERT INTO "samples" VALUES(1,2,'step_seconds',1,0.000189392,0);
INSERT INTO "samples" VALUES(1,3,'step_seconds',2,0.000185466,0);
INSERT INTO "samples" VALUES(2,0,'step_seconds',0,0.000963345,1);
INSERT INTO "samples" VALUES(2,1,'step_seconds',0,0.000345374,0);
INSERT INTO "samples" VALUES(2,2,'step_seconds',1,0.000287198,0);
INSERT INTO "samples" VALUES(2,3,'step_seconds',2,0.000336581,0);
INSERT INTO "samples" VALUES(3,0,'step_seconds',0,0.719354798,1);
INSERT INTO "samples" VALUES(3,1,'step_seconds',0,0.55180952,0);
INSERT INTO "samples" VALUES(3,2,'step_seconds',1,0.521144306,0);
INSERT INTO "samples" VALUES(3,3,'step_seconds',2,0.481994635,0);
CREATE TABLE sweeps(
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    spec TEXT NOT NULL,
    created_unix_seconds REAL NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',
    pinned INTEGER NOT NULL DEFAULT 0);
INSERT INTO "sweeps" VALUES(1,'7b37909b6e1287cb691bb0b3c5585add','before the keys','','{
  "name": "before the keys",
  "base": {
    "model": "stories260k",
    "threads": 1,
    "sequence": 8,
    "warmup": 1,
    "repeats": 3,
    "max_repeats": 3,
    "min_seconds": 0.0
  },
  "axes": {
    "batch": [
      1,
      2
    ]
  },
  "zip": false
}
',1.79597011611568021776e+09,'','[]',0);
INSERT INTO "sweeps" VALUES(2,'f982afb64ec59f57d4bdd7d284beef2d','resumed','','{
  "name": "resumed",
  "base": {
    "model": "stories260k",
    "threads": 1,
    "batch": 2,
    "warmup": 1,
    "repeats": 3,
    "max_repeats": 3,
    "min_seconds": 0.0
  },
  "axes": {
    "sequence": [
      8,
      4096
    ]
  },
  "zip": false
}
',1.79597011626877355568e+09,'','[]',0);
CREATE TABLE texts(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY(run_id, name)) WITHOUT ROWID;
CREATE TABLE weights(
    run_id INTEGER PRIMARY KEY REFERENCES runs(id),
    loaded INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    seed INTEGER NOT NULL,
    parameters INTEGER NOT NULL);
INSERT INTO "weights" VALUES(1,0,'','',1,260032);
INSERT INTO "weights" VALUES(2,0,'','',1,260032);
INSERT INTO "weights" VALUES(3,0,'','',1,260032);
CREATE INDEX runs_by_hash ON runs(hash, status);
CREATE INDEX points_by_run ON points(run_id);
PRAGMA application_id = 1400329072;
PRAGMA user_version = 1;
COMMIT;
