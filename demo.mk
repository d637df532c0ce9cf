# `make demo`, step by step: each file is made again only when what it comes from has changed.
RUN := runs/demo
SCORE := $(BIN)/python evaluate.py hydra.output_subdir=null painted=$(RUN)/painted
ANIMATION := protocol=dancers protocol.data.shards=$(RUN)/shards
DRAWING := $(wildcard src/humangen/data/dancers/*.py data_prep/*.py data_prep/sources/*.py)
PAINTING := $(wildcard src/humangen/attention/*.py src/humangen/diffusion/*.py src/humangen/models/*.py \
	src/humangen/inference/*.py)
SCORING := evaluate.py $(PAINTING) $(wildcard src/humangen/*.py src/humangen/data/*.py src/humangen/metrics/*.py \
	src/humangen/pose/*.py conf/evaluate.yaml conf/protocol/*.yaml)
TRAINING := train.py $(SCORING) $(wildcard src/humangen/tasks/*.py src/humangen/callbacks/*.py conf/*.yaml conf/*/*.yaml)
WEIGHTS := $(wildcard src/humangen/weights/dancers/*)

$(RUN)/index.html: $(RUN)/result.json $(RUN)/tryon/index.html $(wildcard src/humangen/report/*.py)
	$(BIN)/humangen report $(RUN)/shipped $(RUN)/from_scratch --output $(RUN) --title "humangen: dancers" && touch $@
	@echo "look at $@ and $(RUN)/tryon/index.html"

$(RUN)/result.json: $(RUN)/shipped/result.json $(RUN)/from_scratch/result.json src/humangen/report/demo.py
	$(BIN)/python -m humangen.report.demo $(RUN)

$(RUN)/shipped/result.json: $(RUN)/shards/test/index.json $(SCORING) $(WEIGHTS)
	$(SCORE) $(ANIMATION) checkpoint=shipped output=$(@D) hydra.run.dir=$(@D)

$(RUN)/tryon/index.html: $(RUN)/tryon/shipped/result.json $(wildcard src/humangen/report/*.py)
	$(BIN)/humangen report $(RUN)/tryon/shipped --output $(@D) --title "humangen: try-on of dancers" && touch $@

$(RUN)/tryon/shipped/result.json: $(RUN)/tryon/shards/test_unpaired/index.json $(SCORING) $(wildcard src/humangen/weights/dancers_tryon/*)
	$(SCORE) protocol=dancers_tryon protocol.data.shards=$(RUN)/tryon/shards checkpoint=shipped_tryon \
		output=$(@D) hydra.run.dir=$(@D)

$(RUN)/from_scratch/result.json: $(RUN)/from_scratch/training.json $(SCORING)
	$(SCORE) $(ANIMATION) checkpoint=$(@D) output=$(@D) hydra.run.dir=$(@D)

$(RUN)/from_scratch/training.json: $(RUN)/shards/test/index.json $(TRAINING)
	rm -rf $(@D)
	$(BIN)/python train.py experiment=dancers_demo data.shards=$(RUN)/shards \
		hydra.run.dir=$(@D) hydra.output_subdir=null

$(RUN)/tryon/shards/test_unpaired/index.json: $(DRAWING)
	rm -rf $(RUN)/tryon/shards
	$(BIN)/python -m data_prep dancers_tryon --people 1 --held-out 64 --outfits 1 --output $(RUN)/tryon/shards

$(RUN)/shards/test/index.json: $(DRAWING)
	rm -rf $(RUN)/shards
	$(BIN)/python -m data_prep dancers --people 400 --held-out 64 --output $(RUN)/shards
