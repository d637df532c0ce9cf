# `make demo`, step by step: each file is made again only when what it comes from has changed.
RUN := runs/demo
SCORE := $(BIN)/python evaluate.py protocol=dancers protocol.data.shards=$(RUN)/shards hydra.output_subdir=null
DRAWING := $(wildcard src/humangen/data/dancers/*.py data_prep/*.py data_prep/sources/*.py)
PAINTING := $(wildcard src/humangen/attention/*.py src/humangen/diffusion/*.py src/humangen/models/*.py \
	src/humangen/inference/*.py)
SCORING := evaluate.py $(PAINTING) $(wildcard src/humangen/*.py src/humangen/data/*.py src/humangen/metrics/*.py \
	src/humangen/pose/*.py conf/evaluate.yaml conf/protocol/*.yaml)
TRAINING := train.py $(SCORING) $(wildcard src/humangen/tasks/*.py src/humangen/callbacks/*.py conf/*.yaml conf/*/*.yaml)
WEIGHTS := $(wildcard src/humangen/weights/dancers/*)

$(RUN)/index.html: $(RUN)/result.json $(wildcard src/humangen/report/*.py)
	$(BIN)/humangen report $(RUN)/shipped $(RUN)/from_scratch --output $(RUN) --title "humangen: dancers" && touch $@
	@echo "look at $@"

$(RUN)/result.json: $(RUN)/shipped/result.json $(RUN)/from_scratch/result.json src/humangen/report/demo.py
	$(BIN)/python -m humangen.report.demo $(RUN)

$(RUN)/shipped/result.json: $(RUN)/shards/test/index.json $(SCORING) $(WEIGHTS)
	$(SCORE) checkpoint=shipped output=$(@D) hydra.run.dir=$(@D)

$(RUN)/from_scratch/result.json: $(RUN)/from_scratch/training.json $(SCORING)
	$(SCORE) checkpoint=$(@D) output=$(@D) hydra.run.dir=$(@D)

$(RUN)/from_scratch/training.json: $(RUN)/shards/test/index.json $(TRAINING)
	rm -rf $(@D)
	$(BIN)/python train.py experiment=dancers_demo data.shards=$(RUN)/shards \
		hydra.run.dir=$(@D) hydra.output_subdir=null

$(RUN)/shards/test/index.json: $(DRAWING)
	rm -rf $(RUN)/shards
	$(BIN)/python -m data_prep dancers --people 400 --held-out 64 --output $(RUN)/shards
