"""What runs in the reader's browser besides core and the papers. NumPy and the standard library are there, no more.

`firsthand.pages.live` packs all of it into one archive when the site is built; site/javascripts/live-worker.js unpacks
the archive beside a Python for browsers (Pyodide) and calls `firsthand.browser.live.run`.
"""
