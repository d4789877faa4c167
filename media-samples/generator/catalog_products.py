"""The products of the demo catalog."""


def _usd(amount):
    return {"amount": amount, "currency": "USD"}


def _variant(sku, title, amount, on_hand, compare_at=None, option="colour"):
    return {"sku": sku, "title": title, "options": {option: title}, "price": _usd(amount),
            "compare_at": _usd(compare_at) if compare_at else None, "gtin": None,
            "on_hand": on_hand}


def _product(key, merchant, brand, category, title, description, pictures, variants):
    return {"key": key, "merchant": merchant, "title": title, "description": description,
            "brand": brand, "category": category,
            "image_files": [f"products/{name}.jpg" for name in pictures], "variants": variants}


PRODUCTS = [
    _product(
        "mug", "merchant-north", "Hollow Pine", "home/kitchen", "Hollow Pine Stoneware Mug",
        "A generous 350 ml mug with a raw clay foot and a handle that fits three fingers. "
        "Each one is glazed by hand, so no two speckle alike.",
        ["mug", "mug-sage", "mug-ink"],
        [_variant("MUG-SAND", "Sand", 1800, 40), _variant("MUG-SAGE", "Sage", 1800, 26),
         _variant("MUG-INK", "Ink", 1800, 31, 2200)]),
    _product(
        "kettle", "merchant-north", "Hollow Pine", "home/kitchen", "Whistling Enamel Kettle",
        "Two litres of enamelled steel with an oak handle that stays cool on any hob. "
        "The spout pours without a drip and whistles politely when the water is ready.",
        ["kettle", "kettle-brick"],
        [_variant("KETTLE-TEAL", "Teal", 6400, 18),
         _variant("KETTLE-BRICK", "Brick", 6400, 3, 7200)]),
    _product(
        "candle", "merchant-north", "Ember Row", "home/fragrance", "Fig & Cedar Candle No. 7",
        "Rapeseed and soy wax with fig leaf, cedar wood and a little black pepper. "
        "It burns cleanly for about fifty hours and the glass makes a fine tumbler afterwards.",
        ["candle"], [_variant("CANDLE-AMBER", "Amber glass", 2900, 64, option="glass")]),
    _product(
        "lamp", "merchant-north", "Nod & Arm", "home/lighting", "Nod Desk Lamp",
        "A jointed steel lamp with a warm dimmable bulb and a head that stays where you put it. "
        "The weighted base holds it steady even when the arm is fully stretched.",
        ["lamp", "lamp-forest"],
        [_variant("LAMP-OCHRE", "Ochre", 8900, 22), _variant("LAMP-FOREST", "Forest", 8900, 12)]),
    _product(
        "plant", "merchant-north", "Leafwick", "home/plants", "Young Rubber Fig in Terracotta",
        "An easy-going house plant that forgives a missed watering and loves a bright sill. "
        "It comes in a hand-painted terracotta pot with a matching saucer.",
        ["plant"], [_variant("PLANT-TERRA", "Terracotta", 3400, 15, option="pot")]),
    _product(
        "armchair", "merchant-north", "Fennimore", "home/furniture", "Shell Reading Armchair",
        "A deep, round-backed chair with feather-soft arms and solid oak legs. "
        "The covers come off for washing, which cats seem to know.",
        ["armchair", "armchair-moss"],
        [_variant("CHAIR-RUST", "Rust", 54900, 6, 62900), _variant("CHAIR-MOSS", "Moss", 54900, 4)]),
    _product(
        "stool", "merchant-north", "Fennimore", "home/furniture", "Three-Leg Oak Stool",
        "Seat, side table or step: one turned oak stool does all three jobs. "
        "The wedged joints tighten with use and need no screws.",
        ["stool"], [_variant("STOOL-OAK", "Oak", 9800, 20, option="wood")]),
    _product(
        "sneaker", "merchant-kerb", "Springlode", "shoes/running", "Springlode Wave Runner",
        "A 208 gram daily trainer with a springy foam sole and a knitted upper that breathes. "
        "The wide toe box lets your feet spread on long runs.",
        ["sneaker", "sneaker-sky"],
        [_variant("SNEAK-CORAL", "Coral", 11900, 34), _variant("SNEAK-SKY", "Sky", 11900, 28),
         _variant("SNEAK-LIME", "Lime", 9900, 17, 11900),
         _variant("SNEAK-CHALK", "Chalk", 11900, 0)]),
    _product(
        "skateboard", "merchant-kerb", "Longway", "sports/skate", "Longway Sunset Cruiser",
        "Seven plies of maple under a printed sunset, with soft 60 mm wheels for rough streets. "
        "It arrives assembled and ready to roll.",
        ["skateboard"], [_variant("BOARD-SUNSET", "Sunset", 12900, 11, option="print")]),
    _product(
        "backpack", "merchant-kerb", "Tarn & Trail", "bags/backpacks", "Tarn 18 L Backpack",
        "Waxed canvas, leather straps and eighteen litres of room for what matters. "
        "A padded sleeve keeps a laptop safe and the flap keeps out a sudden shower.",
        ["backpack", "backpack-pine"],
        [_variant("PACK-MARIGOLD", "Marigold", 13800, 19), _variant("PACK-PINE", "Pine", 13800, 23)]),
    _product(
        "bottle", "merchant-kerb", "Clearbrook", "home/drinkware", "Clearbrook Glass Bottle",
        "A 700 ml bottle of tough borosilicate glass with a wooden cap and a carry loop. "
        "It keeps no taste, goes in the dishwasher and looks good on a desk.",
        ["bottle", "bottle-rose"],
        [_variant("BOTTLE-CLEAR", "Clear", 2600, 52), _variant("BOTTLE-ROSE", "Rose", 2600, 30)]),
    _product(
        "watch", "merchant-ondine", "Tidewell", "accessories/watches", "Tidewell Field Watch",
        "A quiet 38 mm steel watch with a domed crystal and a running-seconds dial at six. "
        "The leather strap is cut and stitched by hand and ages beautifully.",
        ["watch", "watch-rose"],
        [_variant("WATCH-STEEL", "Deep teal", 21500, 9, option="dial"),
         _variant("WATCH-ROSE", "Porcelain", 21500, 7, 23900, option="dial")]),
    _product(
        "sunglasses", "merchant-ondine", "Halcyon Bay", "accessories/eyewear",
        "Halcyon Polarised Sunglasses",
        "Light frames of amber acetate with polarised lenses that cut the glare off the water. "
        "They come with a felt case and a cloth.",
        ["sunglasses"], [_variant("SHADES-AMBER", "Amber", 7800, 25)]),
    _product(
        "scarf", "merchant-ondine", "Wether & Wool", "clothing/knitwear", "Striped Lambswool Scarf",
        "A two-metre scarf of soft lambswool, knitted slowly on small machines. "
        "The stripes and fringe are finished by hand.",
        ["scarf", "scarf-fir"],
        [_variant("SCARF-BERRY", "Berry", 5900, 27), _variant("SCARF-FIR", "Fir", 5900, 14)]),
    _product(
        "beanie", "merchant-ondine", "Wether & Wool", "clothing/knitwear", "Pompom Beanie",
        "A double-knit beanie with a rolled rib brim that stays over your ears. "
        "The pompom buttons off before washing.",
        ["beanie"], [_variant("BEANIE-BERRY", "Berry", 3200, 38)]),
    _product(
        "headphones", "merchant-lumafold", "Lumafold", "electronics/audio",
        "Lumafold Over-Ear Headphones",
        "Closed headphones with calm noise cancelling and forty hours of music on one charge. "
        "Every part, from cushion to battery, can be replaced at home.",
        ["headphones", "headphones-violet"],
        [_variant("PHONES-CREAM", "Cream", 18900, 16, 21900),
         _variant("PHONES-VIOLET", "Violet", 18900, 13)]),
    _product(
        "notebook", "merchant-lumafold", "Lumafold", "stationery/notebooks",
        "Cloth-Bound Dot Notebook",
        "192 dotted pages of thick cream paper that take ink without bleeding. "
        "The thread binding lies flat from the first page to the last.",
        ["notebook"], [_variant("NOTE-INDIGO", "Indigo", 1900, 70, option="cover")]),
]
