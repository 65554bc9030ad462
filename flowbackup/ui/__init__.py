"""THE PAGE: the server behind `flowbackup ui`, and the page that it shows.

`settings` what it was started with; `access` who may ask; `roots` and `bounds` which paths the
browser may name; `refusal` what becomes of an error; `values` what requests and answers look like;
`graphs`, `designing`, ... the routes, one file for each screen; `app` puts them together; `serving`
listens; `openapi` tells the page's source what there is; `page` its source, `built` what was made
of it.  The only house that knows FastAPI.
"""
