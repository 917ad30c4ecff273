package inspector

import (
	"fmt"
	"strings"
)

// markup is a page under way.
//
// html/template would do the same, at a price: a program that links it keeps every
// method of every type, since a template may call any by its name. That is 2.8 MB
// of the 20 that the command may have.
type markup struct{ b strings.Builder }

// escape is html.EscapeString without the table of entities that comes with it.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\x00", "\uFFFD")

// trusted is markup that stands in this package's source: an untyped constant
// becomes one, and a string that holds what somebody sent doesn't without a
// conversion, of which there is none.
type trusted string

// out writes markup, in which each {} stands for the next value. Values are
// escaped: they are text, or what an attribute's quotes hold. None may begin an
// address, be a script or a style.
func (m *markup) out(format trusted, values ...any) {
	for _, value := range values {
		before, after, _ := strings.Cut(string(format), "{}")
		m.b.WriteString(before)
		m.b.WriteString(escape.Replace(fmt.Sprint(value)))
		format = trusted(after)
	}
	m.b.WriteString(string(format))
}

// outIf writes markup if something holds.
func (m *markup) outIf(holds bool, format trusted, values ...any) {
	if holds {
		m.out(format, values...)
	}
}

// layout is what is around each page.
func layout(signedIn bool, show func(*markup)) string {
	var m markup
	m.out(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>acrkit emulator</title>
<link rel="stylesheet" href="/_acrkit/style.css">
<script src="/_acrkit/live.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<strong>acrkit emulator</strong>
`)
	m.outIf(signedIn, `<nav aria-label="Pages">
<a href="/_acrkit/">Registries</a>
<a href="/_acrkit/log">Requests</a>
<a href="/_acrkit/settings">Settings</a>
<form method="post" action="/_acrkit/signout"><button>Sign out</button></form>
</nav>`)
	m.out(`
</header>
<main id="main">
`)
	show(&m)
	m.out(`
</main>
</body>
</html>
`)
	return m.b.String()
}
