"""How the page looks: humangen's reports, with a sheet of samples."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem } a { color: #35618e }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.scroll { overflow-x: auto }
code { background: #f2f2f2; padding: .1rem .3rem; border-radius: 3px }
small, figcaption { color: #777; font-size: .8rem }
.note { background: #fdf3e1; border-left: 4px solid #e49444; padding: .6rem 1rem; border-radius: 3px; margin: 1rem 0 }
.note ul { margin: .2rem 0; padding-left: 1.2rem } .note pre { white-space: pre-wrap; margin: .3rem 0 }
.good { background: #edf5ea; border-color: #6a9f58 }
.sheet th { border: 0; color: #777; font-weight: normal; text-align: center }
.sheet td { vertical-align: top; padding: .5rem .25rem; text-align: center; border-color: #eee }
.sheet .facts { text-align: left; white-space: normal; min-width: 150px; padding-left: 0; font-size: .85rem }
.facts b { font-size: .95rem; overflow-wrap: anywhere }
.facts svg { display: block; width: 150px; height: 22px; margin-top: .5rem; background: #f2f2f2; border-radius: 2px }
figure { display: inline-block; margin: 0 2px }
figure img, figure video { display: block; max-height: 230px; max-width: 200px; border-radius: 4px }
figure img { box-shadow: 0 0 0 1px #eee }
.marked figure { display: block } .marked img { max-height: 95px; border: 3px solid #c8453b; margin: auto }
.marked img.several { border-color: #e49444 } .sheet p { text-align: left }
i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; background: currentColor }
i.box { color: #ff8c00 } i.outline { color: #00e6ff } i.region { color: #ff00c8 }
.one { color: #6a9f58; fill: #6a9f58 } .nobody { color: #c8453b; fill: #c8453b }
.several { color: #e49444; fill: #e49444 }
.plots img { width: 32.5%; min-width: 300px }
.ledger td, .ledger th { text-align: left; vertical-align: top } .ledger td:nth-child(3) { text-align: right }
.ledger td:last-child { white-space: normal; overflow-wrap: anywhere }
.chip { background: #eee; border-radius: 1em; padding: .1rem .6rem; font-size: .85rem }
.chip.failed { background: #f6d9d6 } .chip.marked { background: #fae5c8 } .chip.repaired { background: #dfecd9 }
details ul { margin: .3rem 0; padding-left: 1.2rem } summary { cursor: pointer }
"""
