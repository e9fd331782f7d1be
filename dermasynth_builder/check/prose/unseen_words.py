"""What no such image shows, in words: complaints, history, touch, what a microscope shows."""

import re
from typing import NamedTuple

from dermasynth_builder.check.prose.patterns import alternatives


class Claim(NamedTuple):
    """Something that an image does not show."""

    what: str
    field: str  # of `Facts` that may hold it; "" for none
    patterns: tuple[re.Pattern[str], ...]  # of which any tells it


def _words(*parts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rf"\b(?:{part})\b") for part in parts)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "itching",
        "itches",
        _words(
            "itch(?:es|ing|y|ed)?",
            "prurit\\w+",
            "scratch(?:es|ed|ing)? (?:at )?(?:it|the)",
            "(?:tickl|prickl)(?:es|ing|y)",
        ),
    ),
    Claim(
        "pain",
        "hurts",
        _words(
            "pain(?:ful|s)?",
            "hurt(?:s|ing)?",
            "tender(?:ness)?",
            "(?:is|are|feels?|was|very|a bit|slightly|becomes?|gets?) sore",
            "sore (?:spot|area|patch|lesion|mole|place|skin|to)",
            "soreness",
            "ach(?:es|ing)",
            "sting(?:s|ing)?",
            "burning(?: sensation)?",
            "burns when",
            "throb(?:s|bing)",
            "discomfort",
            "irritat(?:es|ing) (?:her|him|the patient)",
        ),
    ),
    Claim("bleeding", "bleeds", _words("bleeds?", "bled", "bleeding(?! (?:crust|point|ulcer))")),
    Claim(
        "growth",
        "has_grown",
        _words(
            "(?:has|have|had|been|is|was) (?:slowly |rapidly |quickly |steadily |recently |been )*(?:grow(?:n"
            "|ing)|enlarg(?:ed|ing)|spread(?:ing)?)(?! pattern)",
            "grew(?! (?:darker|redder|paler|lighter))",
            "(?:has|have|had) become (?:larger|bigger|wider)",
            "(?:doubled|increased|increasing) in size",
            "(?:rapid|recent|slow|steady|gradual|continuous) (?:growth|enlargement)",
            "(?:has|have) (?:\\w+ )?(?:doubled|tripled|got(?:ten)? (?:bigger|larger|wider))",
            "(?:is|are|keeps?) (?:getting|becoming) (?:bigger|larger|wider)",
            "(?:has|have|had) (?:stayed|remained|been) (?:the same|unchanged|stable|of the same size)",
            "(?:unchanged|stable|without (?:any )?change) (?:for|over|in|since) (?:the |many |several |some "
            "|\\w+ )*(?:weeks?|months?|years?|decades?)",
        ),
    ),
    Claim(
        "change",
        "has_changed",
        _words(
            "(?:has|have) (?:recently |lately |slowly |also |visibly )*(?:changed|darkened|evolved"
            "|become (?:darker|redder))",
            "(?:recent|recently noticed) (?:change|darkening)s?",
            "(?:got|turned|become|grown|getting) (?:much |a bit |slightly )?(?:darker|redder|paler|lighter)",
            "(?:colou?r|shape|border|surface|outline) (?:has|have) (?:\\w+ )?(?:changed|shifted|darkened|become)",
            "changed (?:colour|color|shape) over",
        ),
    ),
    Claim(
        "duration",
        "duration",
        _words(
            "(?:has been|have been|had been|been there|is there|present|persist\\w*|existed|last(?:ed|ing|s)"
            "|appeared|developed|noticed|started|began|arose|visible|seen|grown|growing|had (?:it|this|the \\w+)|"
            "itched|hurt|bled)\\b[^.;]{0,40}\\b(?:for|over|since|within|in) (?:about |around |at least "
            "|more than |the (?:last|past) |many |several |some |a few |the )*(?:\\d+|one|two|three|four|five"
            "|six|seven|eight|nine|ten|eleven|twelve|[a-z]+teen|[a-z]+ty|many|several|few|couple of|childhood"
            "|birth|a)? ?(?:than (?:a "
            "|\\w+ )?)?(?:days?|weeks?"
            "|months?|years?|childhood|birth|decades?|summers?|winters?)\\b(?! of (?:sun|age))",
            "(?:has|have|had|been|stayed|known|there|noticed|present)\\b[^.;]{0,40}\\b(?:for|over"
            "|since) (?:about |around |at least |more than |nearly |almost |the (?:last|past) "
            "|well over )*(?:(?:\\d+|a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[a-z]+teen"
            "|[a-z]+ty(?:-\\w+)?"
            "|many|several|some|a few|a couple of) (?:days|weeks|months|years|decades?)|(?:days|weeks|months"
            "|years|decades)|(?:early )?(?:childhood|birth|adolescence|youth)"
            "|(?:last|early|late) (?:spring|summer|autumn|winter|year|month|week))(?=[.,;]| (?:and|now|but"
            "|without|with|before)\\b|$)",
            "(?:all|most of) (?:her|his|their) (?:adult )?life",
            "(?:long-?standing(?! (?:sun|solar|light|uv|actinic|photo))|present since|appeared (?:\\w+ )?(?:days?"
            "|weeks?|months?|years?) ago|(?:days?"
            "|weeks?|months?|years?) ago|first noticed)",
        ),
    ),
    Claim(
        "touch",
        "",
        _words(
            "(?:feels?|felt) (?:\\w+ )?(?:firm|hard|soft|rough|smooth|warm|hot|rubbery|gritty|sandpaper\\w*"
            "|greasy|waxy|bumpy|cool|cold|dry|thick|raised|doughy|oily|leathery|lumpy|elastic"
            "|spongy|like)",
            "(?:run(?:s|ning)?|pass(?:es|ing)?|glid\\w+|strok\\w+|press\\w*|prob\\w+"
            "|rub\\w*) (?:\\w+ ){0,3}?(?:fingers?|thumb|fingertips?|nail)",
            "(?:can|could|may) be (?:\\w+ )?(?:lifted|palpated|felt|moved|peeled|scraped|pressed|pinched|rolled"
            "|compressed|picked) ?(?:off|at|under|between|over|in)?",
            "palpated",
            "when (?:felt|touched|pressed|palpated|rubbed|pinched|stretched)",
            "(?:between|with|under) (?:\\w+ )?(?:fingers|fingertips)",
            "indurated",
            "(?:moves?|slides?|glides?|movable|mobile|fixed|adherent|tethered) (?:freely )?(?:over|on|to|against"
            "|with) (?:the )?(?:underlying|deeper|skin|tissue|bone|fascia|muscle)",
            "(?<!skin )(?<!web )(?<!space )(?:under|between) (?:the )?(?:finger(?:s|tips?)?|thumb)",
            "(?:temperature|heat) of the (?:skin|lesion|area)",
            "(?:firm|hard|soft|rubbery|warm|hot|indurated|fluctuant|mobile|fixed) (?:to (?:the )?touch"
            "|on palpation|when touched|on touch)",
            "to (?:the )?touch",
            "on palpation",
            "palpa(?:ble|tion)",
            "blanch(?:es|ing|able)?",
            "dimples?(?: sign)?",
            "warmth",
            "nikolsky\\w*",
            "(?:is|are|quite|very) (?:warm|rubbery|indurated|fluctuant)",
        ),
    ),
    Claim(
        "history of the patient",
        "history",
        _words(
            "(?:family|personal|medical|past|strong|known|prior|previous) (?:\\w+ )?history of",
            "history of (?:\\w+ )*(?:sunburns?|sun exposure|skin cancer|melanoma|cancer|eczema|atopy|asthma"
            "|tanning|smoking|trauma)",
            "(?:she|he|the patient|they|i) (?:started|began|used|took|tried|changed|switched|applied|stopped"
            "|drank|lives?|lived|works?|worked)",
            "(?:she|he|the patient|they|the (?:man|woman|boy|girl)) (?:has|have|had|is|was) (?:also |recently "
            "|often |always |never )*(?:started|begun|used|tried|taken|treated|prescribed|given|exposed"
            "|asthma|hay fever|eczema|atopic|travell?ed|worked|been (?:using|taking|treated|exposed|outdoors"
            "|ill)|undergone|an? (?:\\w+ )?(?:job|pet|cat|dog|garden))",
            "(?:lesion|patch|spot|mole|rash|growth|it|plaque|nodule|area|papule) (?:was|has been|had been"
            "|were) (?:\\w+ )?(?:treated|prescribed|managed|frozen|biopsied|excised|shaved|cauteri[sz]ed|picked"
            "|injured|scratched open)",
            "(?:treatment|therapy|cream|ointment|steroids?|antibiotics?|antifungals?|cryotherapy"
            "|antihistamines?)\\b[^.;]{0,40}(?:without (?:\\w+ )?(?:success|effect|improvement|benefit)|(?:did|has|have"
            "|had) (?:not|n['’]t|little) ?(?:help|work|improv)\\w*|failed|brought (?:no|some|little)"
            "|(?:has|have) (?:helped|cleared|improved|reduced))",
            "(?:scrapings?|cultures?|swabs?|patch tests?|blood tests?|koh|serology|ultrasound|x-?ray|ct|mri"
            "|laboratory|lab (?:tests?|results?|work)|allergy tests?|pcr|sentinel \\w+)\\b[^.;,]{0,40}(?:(?:was"
            "|were|came back|stayed|is|are|turned out|remained|has been|showed|shows|revealed|returned) (?:\\w+ )?"
            "(?:negative|positive|sterile|normal|clear|unremarkable|elevated|growth|no\\b|done))",
            "(?:has|had|have|having) (?:never|not(?: yet)?|n['’]t) had (?:an? "
            "|any )?(?:[\\w-]+ ){0,2}?(?:skin cancers?|melanomas?"
            "|carcinomas?|cancers?|moles? removed)",
            "(?:her|his|their|the patient['’]s) (?:very )?(?:first|second|third|previous|prior"
            "|earlier) (?:skin cancer|melanoma"
            "|carcinoma|cancer)",
            "(?:had|underwent) (?:[\\w-]+ ){0,4}?(?:carcinomas?|melanomas?|cancers?|moles?|keratos[ei]s"
            "|lesions?) (?:\\w+ )?(?:removed"
            "|excised|treated|cut out|frozen|operated)",
            "(?:childhood|earlier|previous|past|repeated|severe|blistering|many) (?:sunburns?|episodes?|flares?"
            "|outbreaks?|attacks?)",
            "(?:outdoor|farm|construction|office|garden) (?:work(?:er)?|job)",
            "(?:she|he|the patient|they) (?:takes|is on|lives|owns|keeps|has (?:diabetes|rheumat\\w+|lupus"
            "|hypertension|psoriasis|kidney|heart|liver|epilepsy))",
            "(?:smokes|smoker|drinks alcohol|takes (?:medication|immuno\\w+|steroids)|immunosuppress(?:ed|ion)"
            "|diabet(?:es|ic)|sunbeds?|tanning beds?|works (?:outdoors|as)|farmer|pregnan(?:t|cy)|allerg(?:y"
            "|ies|ic) to|hiv|transplant)",
            "(?:her|his|the patient['’]s|their|whose) (?:mother|father|parents?|sister|brother|family|grandmother"
            "|grandfather)",
            "(?<!a )(?:patient|man|woman|person|she|he) (?:reports?(?! any\\b)|says|states|complains?|describes|recalls"
            "|noticed|remembers|adds|admits|tells|explains|complained|reported|noted"
            "|denies|mentions|presents with a history)",
        ),
    ),
    Claim(
        "histology",
        "confirmation",
        _words(
            "biops(?:y|ied) (?:has |was |had )?(?:confirm\\w*|show\\w*|prove\\w*|reveal\\w*|taken|performed|done)",
            "(?:histolog\\w+|histopatholog\\w+|pathology|microscop\\w+)\\b (?:\\w+ ){0,4}?(?:confirm\\w*|show\\w*"
            "|prove\\w*|reveal\\w*|demonstrat\\w*)",
            "biopsy-(?:proven|confirmed)",
            "(?:confirmed|proven|proved|established) (?:by|on|through|with) (?:a )?(?:\\w+ )?(?:biopsy"
            "|histolog\\w+|histopatholog\\w+|tissue|patholog\\w+|sample)",
        ),
    ),
    Claim(
        "what a microscope shows",
        "",
        _words(
            "breslow(?: (?:thickness|depth|index))? (?:is|was|of|measur\\w+)",
            "clark(?:['’]s)? level",
            "mitotic",
            "mitoses",
            "ki-?67",
            "immunohisto\\w+",
            "atypical melanocytes",
            "(?:acanthosis|parakeratosis|spongiosis|horn cysts|pleomorphi\\w+|basaloid cells|keratin pearls"
            "|pagetoid \\w+|dermal \\w+ cells)",
            "(?:nests|cords|strands|sheets) of (?:\\w+ )?(?:cells|melanocytes|keratinocytes)",
            "palisad\\w+",
            "(?:tumou?r|invasion) (?:thickness|depth)",
            "(?:thickness|depth) of (?:invasion|\\d)",
            "(?:surgical )?margins (?:are|were) (?:clear|free|positive|involved)",
            "(?:invades?|infiltrat\\w+|extends? into|reaches) the (?:\\w+ )?(?:dermis|subcutis|fat|papillary"
            "|reticular)",
            "(?:s-?100|melan-a|sox-?10|hmb-?45)\\b",
            "braf (?:mutat\\w+|positive|negative|v600\\w*)",
        ),
    ),
    Claim(
        "general symptoms",
        "symptoms",
        _words(
            "(?<!spotted )(?<!rheumatic )(?<!hay )(?<!scarlet )fevers?",
            "feverish",
            "chills",
            "fatigue\\w*",
            "joint pains?",
            "short(?:ness)? of breath",
            "(?:weight loss|los(?:t|ing) weight|weight (?:has |had )?(?:dropped|fallen|gone down))",
            "(?:lost|losing) (?:\\w+[ -]){1,2}(?:kilos?|kilograms?|kg|pounds|lbs?)",
            "temperature (?:of|was|is|reached) (?:above |over |about )?(?:\\d+|thirty|forty)",
            "(?:cough(?:s|ed|ing)?|sore throat|vomit\\w*|diarrh\\w+|palpitations|myalgias?|muscle (?:aches?|pains?))",
            "(?:(?:sleeps?|slept|sleeping) (?:badly|poorly)|(?:lack|loss) of sleep|insomnia|sleepless\\w*)",
            "(?:keeps?|kept) (?:\\w+ )?awake",
            "(?:feels?|felt|feeling|is|been) (?:\\w+ )?(?:tired|unwell|ill|weak|sick|exhausted|feverish|dizzy)",
            "(?:numb(?:ness)?|tingl\\w+|pins and needles)",
            "(?:swollen|enlarged) (?:lymph )?(?:nodes|glands)",
            "appetite",
            "(?:general|overall) (?:condition|health|state) (?:is|was|has)",
            "night sweats",
            "nausea",
            "malaise",
            "mouth sores",
            "headaches?",
        ),
    ),
)
ABSENCES = alternatives(
    r"\b(?:no|without(?: any)?|not any|free of|absence of(?: any)?) (?:\w+ )?(?:other|further|additional"
    r"|similar|satellite|second) (?:(?:\w+ )?(?:lesions?|spots?|moles?|growths?|rash|marks?|changes|plaques"
    r"|patches|areas))"
    r" ?(?:(?:elsewhere|on (?:the|her|his) (?:rest|body|skin|remaining)|anywhere|are present|is present|exist"
    r"|elsewhere on|were found|are found))"
    r"|\b(?:no|without(?: any)?) (?:other|further|additional|satellite|similar) (?:(?:suspicious|skin|such"
    r"|pigmented) )?(?:lesions?|spots?|moles?|marks?|growths?)\b(?! (?:in|within|on) (?:the|this) (?:image"
    r"|photograph|picture|frame|field|photo))"
    r"|\bthe (?:rest|remainder) of (?:the|her|his|their) (?:body|skin|trunk|integument) (?:is|are|was|looks"
    r"|appears|shows? no|remains)"
    r"|\b(?:nails?|scalp|hair|mucosa\w*|mucous membranes?|mouth|palms|soles|palms and soles|lymph nodes?|nodes"
    r"|genitals?|eyes|face|joints|teeth|tongue|lips|trunk|limbs|back|chest|hands|feet|other \w+)"
    r"(?: (?:in|of|on|at|under|along) (?:the |her |his |both )?\w+(?:,? (?:and |or )?(?:the )?\w+){0,3}?)?"
    r" (?:is|are|was|were|remain|look|appear)s? (?:all |both |completely |entirely |also "
    r"|otherwise )?(?:not (?:involved|affected|enlarged|swollen|palpable)|uninvolved|normal|spared|clear|free"
    r"|unremarkable|unaffected|fine|healthy)"
    r"|\b(?:skin|body|physical|general|clinical|mucosal|nodal|full|total|complete|lymph node|whole-body"
    r"|head-to-toe)[- ](?:\w+[- ])?(?:exam(?:ination)?|check|inspection|survey|status)\b[^.;]{0,25}\b(?:showed"
    r"|shows|revealed|found|disclosed|uncovered|turned up|(?:is|was|remained) (?:\w+ )?(?:normal|clear"
    r"|unremarkable|negative|done|complete))\b"
    r"|\bno (?:\w+ )?(?:lesions?|spots?|moles?|rash|changes?) (?:\w+ )?(?:on|in|at|over) the (?:rest|other"
    r"|remaining|face|back|trunk|scalp|limbs|legs|arms|mucosa)\w*"
    r"|\b(?:she|he|the patient|they) (?:has|have) no (?:other|further|similar) "
    r"|\b(?:the )?only (?:such )?(?:lesion|spot|mole|growth|one)\b (?:on|that|of) (?:the|her|his|this) (?:body"
    r"|skin|patient|person)"
    r"|\b(?:no|without|nor) (?:\w+ )?(?:lymphadenopathy|(?:enlarged |swollen |palpable )lymph nodes?"
    r"|nail (?:involvement|changes)|mucosal (?:involvement|lesions)|systemic (?:symptoms|signs|involvement)"
    r"|metasta\w+)"
    r"|\bno (?:\w+ ){0,2}?(?:nodes|glands) (?:are|were|can be|could be) (?:\w+ )?(?:felt|palpable|palpated|enlarged"
    r"|swollen|found)\b"
    r"|\b(?:similar|other|more|further|many|several|such|like) (?:\w+ )?(?:lesions?|spots?|moles?|patches|growths?"
    r"|plaques|ones)\b"
    r"[^.;]{0,30}\b(?:all over|elsewhere on|on other parts of|across|over the rest of) (?:the |her |his "
    r"|their )?(?:body|skin"
    r"|trunk|limbs)\b"
    r"|\b(?:elsewhere|otherwise),? (?:\w+ ){0,3}?(?:skin|body|patient) (?:is|was) (?:clear|normal|healthy"
    r"|unaffected|unremarkable)|\bnothing (?:similar|else) (?:is )?(?:elsewhere|on the rest)"
    r"|\b(?:skin|body|back|face|trunk|scalp) (?:is|was|are) (?:otherwise |elsewhere )?(?:\w+ )?(?:free|clear"
    r"|devoid) (?:of|from)\b"
)
