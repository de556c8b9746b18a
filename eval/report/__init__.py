"""The report: its blocks, its figures, the page, and the same content for other programs.

* `document`: one self-contained HTML document: tables, pictures, players and maps in, one file out
* `exports`: A report for other readers: LaTeX for a paper, a model card for a hub. Everything is escaped
* `figures`: pictures of what was measured: matplotlib figures, PNG bytes, pictures for the page; nothing is saved
  here
"""
