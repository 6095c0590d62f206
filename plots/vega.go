package plots

import (
	"fmt"
	"image/color"
	"math"
)

// vegaLite describes curves, without bands, as a Vega-Lite 5 chart of the axes' size.
// It is made of maps, slices, strings, numbers and booleans only, since anything else
// (nil included) does not pass through gonb's pipe.
func vegaLite(title string, curves []curve, a Axes) map[string]any {
	values, names, colours := []any{}, []any{}, []any{}
	xmax := 0.0
	for i, c := range curves {
		names = append(names, c.name)
		colours = append(colours, hex(seriesColor(i)))
		part := 0 // counts the stretches between gaps: each is a line of its own
		for k, iv := range c.band {
			if !finite(iv.Point) {
				part++
				continue
			}
			xmax = max(xmax, math.Abs(c.x[k]))
			values = append(values, map[string]any{"x": c.x[k], "y": iv.Point, "line": c.name, "part": part})
		}
	}
	axis := func(label string, lo, hi float64) map[string]any {
		scale := map[string]any{"zero": false}
		if lo != hi {
			scale = map[string]any{"domain": []any{lo, hi}, "nice": false}
		}
		return map[string]any{"type": "quantitative", "title": label, "scale": scale}
	}
	x, y := axis(a.X, a.XMin, a.XMax), axis(a.Y, a.YMin, a.YMax)
	x["field"], y["field"] = "x", "y"
	xAxis := map[string]any{"grid": false, "tickCount": max(2, int(a.Width/90))}
	x["axis"] = xAxis
	if xmax >= 1000 {
		xAxis["labelExpr"] = "abs(datum.value) >= 1e6 ? format(datum.value / 1e6, ',.6~g') + 'M' : abs(datum.value) >= 1e3 ? format(datum.value / 1e3, ',.6~g') + 'k' : format(datum.value, '~g')"
	}
	layers := []any{map[string]any{
		"mark": map[string]any{"type": "line", "clip": true, "strokeWidth": 1.8, "tooltip": true},
		"encoding": map[string]any{
			"x": x, "y": y,
			"color": map[string]any{
				"field": "line", "type": "nominal",
				"scale":  map[string]any{"domain": names, "range": colours},
				"legend": map[string]any{"title": "", "orient": "top", "columns": 3, "labelLimit": 400, "symbolType": "stroke"},
			},
			"detail": map[string]any{"field": "part", "type": "nominal"},
		},
	}}
	rule := map[string]any{"type": "rule", "strokeDash": []any{5, 4}, "color": hex(faintInk), "clip": true}
	for _, r := range a.Refs {
		at := map[string]any{"datum": r.At, "type": "quantitative"}
		layers = append(layers,
			map[string]any{"data": once(), "mark": rule, "encoding": map[string]any{"y": at}},
			map[string]any{"data": once(), "mark": map[string]any{
				"type": "text", "text": r.Name + " " + value(r.At), "align": "right", "dy": -6, "dx": -4, "color": hex(faintInk),
			}, "encoding": map[string]any{"y": at, "x": map[string]any{"value": "width"}}})
	}
	for _, m := range a.Marks {
		at := map[string]any{"datum": m.At, "type": "quantitative"}
		layers = append(layers,
			map[string]any{"data": once(), "mark": rule, "encoding": map[string]any{"x": at}},
			map[string]any{"data": once(), "mark": map[string]any{
				"type": "text", "text": m.Name, "align": "left", "dx": 4, "dy": 8, "color": hex(faintInk),
			}, "encoding": map[string]any{"x": at, "y": map[string]any{"value": 0}}})
	}
	return map[string]any{
		"$schema":  "https://vega.github.io/schema/vega-lite/v5.json",
		"title":    map[string]any{"text": title, "anchor": "start", "fontSize": 15},
		"width":    a.Width,
		"height":   a.Height,
		"autosize": map[string]any{"type": "fit", "contains": "padding"},
		"padding":  margin,
		"data":     map[string]any{"values": values},
		"layer":    layers,
		"config": map[string]any{
			"background": hex(paper),
			"font":       "Liberation Sans, Arial, Helvetica, sans-serif",
			"view":       map[string]any{"stroke": "transparent"},
			"axis": map[string]any{
				"labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal",
				"labelColor": hex(faintInk), "gridColor": hex(gridInk), "domainColor": hex(axisInk), "tickColor": hex(axisInk),
			},
			"legend": map[string]any{"labelFontSize": 12, "symbolStrokeWidth": 3},
		},
	}
}

// once is data of one row, so that a rule is drawn once and not for each point.
func once() map[string]any {
	return map[string]any{"values": []any{map[string]any{"one": 1}}}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
